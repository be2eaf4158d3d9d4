import type { Logger } from 'pino'
import type { Target } from './names/roster.ts'
import { nameOfUser } from './proc/users.ts'

/** Warns while processes of several users are measured and nobody asked for that: any user can call a program bitcoind. */
export class SeveralUsers {
  readonly #log: Logger
  readonly #targets = new Map<string, Target>()
  #logged = ''

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
    const warning = this.warning
    if (warning !== undefined && warning !== this.#logged) this.#log.warn(warning)
    this.#logged = warning ?? ''
  }

  processExited({ node }: Target): void {
    this.#targets.delete(node)
  }
}
