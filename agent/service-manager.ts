import type { Logger } from 'pino'
import { notifyServiceManager } from './native/systemd.ts'
import { BACKLOG_SECONDS } from './nodes/readiness.ts'
import type { Snapshot } from './nodes/snapshot.ts'

export interface ServiceManagerOptions {
  readonly snapshot: () => Snapshot
  /** Time for which the oldest event has been waiting to be read. */
  readonly backlogSeconds: () => number
  readonly log: Logger
}

/** The service manager (systemd) that started this process and wants to hear of it. */
export class ServiceManager {
  readonly #options: ServiceManagerOptions
  #status = ''
  #isReady = false
  #isDeaf = false

  constructor(options: ServiceManagerOptions) {
    this.#options = options
  }

  /** Tells that the agent is ready, once, its status where it has changed, and that it is alive while events are read. */
  tick(): void {
    const status = statusOf(this.#options.snapshot())
    const lines = [
      ...(this.#isReady ? [] : ['READY=1']),
      ...(status === this.#status ? [] : [`STATUS=${status}`]),
      ...(this.#options.backlogSeconds() <= BACKLOG_SECONDS ? ['WATCHDOG=1'] : []),
    ]
    this.#isReady = true
    this.#status = status
    if (lines.length > 0) this.#tell(lines.join('\n'))
  }

  stopping(): void {
    this.#tell('STOPPING=1\nSTATUS=stopping')
  }

  #tell(state: string): void {
    if (this.#isDeaf) return
    try {
      notifyServiceManager(state)
    } catch (error) {
      this.#isDeaf = true
      this.#options.log.warn({ reason: (error as Error).message }, 'cannot tell systemd how the agent is: a unit needs Type=exec here')
    }
  }
}

/** One line: nodes, blocks, faults. */
export function statusOf({ nodes, readiness, warnings }: Pick<Snapshot, 'nodes' | 'readiness' | 'warnings'>): string {
  const blocks = nodes.reduce((sum, { connected }) => sum + connected, 0)
  const up = nodes.filter(({ isUp }) => isUp).length
  const faults = [...readiness.reasons, ...warnings]
  const [first] = faults
  const told = first === undefined ? 'no faults' : `${counted(faults.length, 'fault')}: ${first}`
  return `${counted(up, 'node')}, ${counted(blocks, 'block')}; ${told}`.replaceAll('\n', ' ')
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`
