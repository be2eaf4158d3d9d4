import type { Logger } from 'pino'
import type { Loss } from '../sources/source.ts'

/** A flood is over when so long nothing more was lost. */
const QUIET_NS = 10e9
const TOO_FAST = 'they come faster than they are read; see --ring-size'

interface Flood {
  readonly lost: Map<string, number>
  latestNs: number
}

/** Logs when events of a node begin to be lost, and, when that has ended, how many were. */
export class LossLog {
  readonly #log: Logger
  readonly #open = new Map<string, Flood>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** So many more events were lost. */
  take({ node, eventType, lost, reason = TOO_FAST }: Loss, nowNs: number): void {
    const flood = this.#open.get(node) ?? { lost: new Map(), latestNs: nowNs }
    if (!this.#open.has(node)) this.#log.warn({ node, event_type: eventType, lost }, `events are lost: ${reason}`)
    this.#open.set(node, flood)
    flood.lost.set(eventType, (flood.lost.get(eventType) ?? 0) + lost)
    flood.latestNs = nowNs
  }

  /** Ends the floods that are over at that time. */
  advance(nowNs: number): void {
    for (const [node, { latestNs }] of this.#open) if (nowNs - latestNs >= QUIET_NS) this.#end(node)
  }

  /** Ends all, since nothing is read any more. */
  close(): void {
    for (const node of this.#open.keys()) this.#end(node)
  }

  #end(node: string): void {
    const lost = this.#open.get(node)?.lost ?? new Map<string, number>()
    this.#open.delete(node)
    const total = [...lost.values()].reduce((sum, count) => sum + count, 0)
    this.#log.warn({ node, lost: total, by_event_type: Object.fromEntries(lost) }, 'no more events are lost; so many were')
  }
}
