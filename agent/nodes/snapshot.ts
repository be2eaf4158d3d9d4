import type { Mechanism } from '../blocks/race.ts'
import type { ProbeState, ReplayState } from '../sources/source.ts'

/** State of the agent and of all that it measures, at one moment. /metrics, /api, the page and /ready read this and nothing else. */
export interface Snapshot {
  readonly version: string
  readonly startedAt: Date
  /** False once the agent ends. */
  readonly isUp: boolean
  readonly readiness: Readiness
  /** Other faults that an operator should see to although blocks are measured, in words, such as a journal that cannot be written. */
  readonly warnings: readonly string[]
  readonly nodes: readonly NodeSnapshot[]
  /** Events taken in, by event type. */
  readonly eventsProcessed: ReadonlyMap<string, number>
  /** Events that could not be processed. */
  readonly eventErrors: number
  readonly journal: JournalState
  readonly webhook: WebhookState
  /** The Collector's address when metrics are pushed. */
  readonly pushing: string | undefined
}

/** Whether the agent measures what it should. */
export interface Readiness {
  readonly ready: boolean
  /** The faults, in words that an operator can act on; empty when ready. */
  readonly reasons: readonly string[]
}

export interface NodeSnapshot {
  readonly node: string
  readonly isUp: boolean
  /** The process that runs, or else the last one; `undefined` until one was seen. Of a recording, and of a node of which only the log is known, the pid is 0 and the file is the executable. */
  readonly process: { readonly pid: number; readonly executable: string } | undefined
  /** Set where a recording is replayed. */
  readonly replay: ReplayState | undefined
  /** Times that a new process took the place of one that had ended. */
  readonly restarts: number
  /** Why nothing at all could be attached, if so. */
  readonly attachError: string | undefined
  /** Tracepoints that should be attached: those that every node of its kind has, and others that the process offers, or the last one offered. */
  readonly probes: readonly ProbeState[]
  /** Whether it has tracepoints of FIBRE that are measured; without them it is a stock node. `undefined` until that is known. */
  readonly hasFibre: boolean | undefined
  /** Whether it had them before. */
  readonly hasLostFibre: boolean
  /** Whether no block of it can be measured, because it is without FIBRE and validation is not measured. */
  readonly isBlockless: boolean
  /** Whether it is connecting blocks that it missed; `undefined` where it is not known what it connects. */
  readonly isCatchingUp: boolean | undefined
  /** Blocks connected since the agent started. */
  readonly connected: number
  /** Races won since the agent started. */
  readonly wins: Readonly<Record<Mechanism, number>>
  /** Absent until the first block, like the time. Of a build that does not tell what it connects, by its races. */
  readonly lastHeight: number | undefined
  readonly lastBlockAt: Date | undefined
  /** Events that the kernel could not hand over, by event type. */
  readonly lost: ReadonlyMap<string, number>
  /** Fields that could not be read, by event type and field. */
  readonly fieldErrors: ReadonlyMap<string, ReadonlyMap<string, number>>
}

export interface JournalState {
  /** Records written, by node. */
  readonly written: ReadonlyMap<string, number>
  /** Records that could not be written when they came. They wait for when it is possible again. */
  readonly failed: number
}

export interface WebhookState {
  /** Whether the last attempt failed. */
  readonly isFailing: boolean
  readonly delivered: number
  /** Attempts that failed. */
  readonly failed: number
  /** Slow blocks that wait to be delivered. */
  readonly pending: number
  /** Slow blocks that were never delivered, because too many waited. */
  readonly givenUp: number
  /** Slow blocks that were never delivered, because the receiver refused them for good. */
  readonly refused: number
}
