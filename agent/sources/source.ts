import type { EventBase, Tracepoint } from '../tracepoints/define.ts'
import type { TracepointEvent } from '../tracepoints/index.ts'
import type { MessageOfBlock } from '../tracepoints/net/messages.ts'
import type { Total } from './totals.ts'
import type { KernelUsage } from './usage.ts'

/** A source of events. */
export interface EventSource {
  /** Begins to hand on events; to be called once, before `attach`. */
  start(handler: EventHandler): void
  /** The time that the stamps of its events are of, in ns: CLOCK_MONOTONIC, or a recording's. */
  now(): number
  /** Progress of a recording; absent for a source of live events. */
  readonly replay?: ReplayState
  /** Begins to listen to a process. Throws if it is gone or its executable cannot be read. */
  attach(process: NodeProcess): Attachment
  /** Why nothing can be attached any more, if so. What is attached stays so. */
  readonly sealed?: string | undefined
  /** Attaches to nothing more, for that reason. Absent where attaching takes nothing. */
  seal?(reason: string): void
  /** Hands on what has come until now, losses first. */
  drain(): void
  /** Hands on losses alone. Absent where nothing is lost. */
  handOnLosses?(): void
  /** Totals of the tracepoints that are counted, of which not every hit is handed on. They never fall until the node is forgotten. */
  totals(): readonly Total[]
  /** Drops what was counted of a node that has no process: should it come back, it begins at 0. */
  forget(node: string): void
  /** Time for which the oldest event has been waiting to be handed on, in seconds; 0 if there is none. */
  backlogSeconds(): number
  /** What keeps it from telling all that it could, in words for the operator. Absent where nothing can. */
  warnings?(): readonly string[]
  /** What measuring takes of the kernel now. Absent where no kernel program runs. */
  kernelUsage?(): KernelUsage
  /** To be called when nothing is attached any more. */
  close(): void
}

export type ReplayState = 'replaying' | 'replayed'

/** A process of a node. */
export interface NodeProcess {
  readonly node: string
  /** 0 where only a file is known, a recording or a log; that is the executable then. */
  readonly pid: number
  readonly executable: string
}

/** The tracepoints of one process, being listened to. */
export interface Attachment {
  /** As they are now: what was refused may have been attached since. */
  readonly probes: readonly ProbeState[]
  /** Whether it is known if the process has tracepoints of FIBRE. Absent where it always is. */
  readonly isKindKnown?: boolean
  /** Whether the executable has tracepoints that the agent knows, be they measured or not. Absent where that is not looked at. */
  readonly offersAny?: boolean
  /** Tries again what the kernel refused. Absent where nothing is. */
  retry?(): void
  /** Attached probes that do not fire although they should: their semaphore is 0. */
  silentProbes(): readonly string[]
  /** Probes in which a thread of the process waits for a page of its memory. Absent where none can. */
  heldProbes?(): readonly HeldProbe[]
  /** Detaches, once; every event that came before has then been handed on. */
  close(): Promise<void>
}

/** A probe whose event is not told yet, because a page that it points to does not come. */
export interface HeldProbe {
  readonly probe: string
  readonly seconds: number
}

/** Events of a node's tracepoint that could not be handed over. */
export interface Loss {
  readonly node: string
  readonly eventType: string
  /** At least so many. */
  readonly lost: number
  /** Why, where it is not that they came faster than they were read. */
  readonly reason?: string
}

/** A message about a block, as debug.log tells of it. */
export interface LoggedMessage extends EventBase, MessageOfBlock {
  /** Whether it told the node of the block. Of later announcements the log does not tell of which block they are. */
  readonly isFirst: boolean
}

/** Takes what a source brings. */
export interface EventHandler {
  /** An event, and the names of its fields that could not be read. */
  event(event: TracepointEvent, tracepoint: Tracepoint, failed: readonly string[]): void
  /** A message of which a log tells. Absent where only events are wanted. */
  logged?(message: LoggedMessage): void
  /** So many more events were lost. */
  lost(loss: Loss): void
  /** Something that could not be understood; the source goes on. */
  error(error: unknown): void
}

/** Whether a tracepoint of a process is being listened to, and if not, why. */
export interface ProbeState {
  readonly probe: string
  /** Whether the binary has it. */
  readonly offered: boolean
  readonly attached: boolean
  /** Why it is not attached. */
  readonly reason?: string
  /** Whether the kernel refused it, or a place of it, which may pass: it is tried again. */
  readonly refused?: boolean
  /** Why some of its places in the binary are not attached, although others are. */
  readonly missingPlaces?: readonly string[]
  /** Fields that this build does not pass although it should. */
  readonly missingFields?: readonly string[]
}
