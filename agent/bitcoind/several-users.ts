import type { Logger } from 'pino'
import { ChangeDetector } from '../files/change-detector.ts'
import type { Target } from './names/roster.ts'
import { nameOfUser } from './proc/users.ts'

/** Warns while processes of several users are measured and nobody asked for that: any user can call a program bitcoind. */
export class SeveralUsers {
  readonly #log: Logger
  readonly #targets = new Map<string, Target>()
  readonly #logged = new ChangeDetector<string | undefined>(undefined)

  constructor(log: Logger) {
    this.#log = log
  }

  get warning(): string | undefined {
    const users = Map.groupBy(this.#targets.values(), ({ uid }) => uid)
    if (users.size < 2) return undefined
    const nodesOfUsers = [...users].map(([uid, targets]) => `${nameOfUser(uid)} (${targets.map(({ node }) => node).join(', ')})`)
    return `Nodes of several users are measured: ${nodesOfUsers.join('; ')}. Choose with --users whose are.`
  }

  processStarted(target: Target): void {
    this.#targets.set(target.node, target)
    const { warning } = this
    if (this.#logged.changesTo(warning) && warning !== undefined) this.#log.warn(warning)
  }

  processExited({ node }: Target): void {
    this.#targets.delete(node)
  }
}
