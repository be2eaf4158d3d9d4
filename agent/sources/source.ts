import type { Tracepoint } from '../tracepoints/define.ts'
import type { TracepointEvent } from '../tracepoints/index.ts'

/** Takes what a source brings. */
export interface EventHandler {
  /** An event, and the names of its fields that could not be read. */
  event(event: TracepointEvent, tracepoint: Tracepoint, failed: readonly string[]): void
  /** Something that could not be understood; the source goes on. */
  error(error: unknown): void
}

/** Whether a tracepoint of a process is being listened to, and if not, why. */
export interface ProbeState {
  readonly probe: string
  /** Whether the binary has it. */
  readonly offered: boolean
  readonly attached: boolean
  readonly reason?: string
  /** Fields that this build does not pass although it should. */
  readonly missingFields?: readonly string[]
}
