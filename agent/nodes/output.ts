import type { Block } from '../blocks/block.ts'
import type { CountedAnnouncement, Milestone } from '../blocks/milestone.ts'
import type { BlockRecord } from '../blocks/record.ts'
import type { Tracepoint } from '../tracepoints/define.ts'
import type { TracepointEvent } from '../tracepoints/index.ts'

/** Takes what is known of nodes and their blocks. Outputs are told in the order of their list, and call nothing back. */
export interface Output {
  /** A node is known, running or not. */
  nodeAdded?(node: string): void
  /** A node that ended long ago is known no more. */
  nodeRemoved?(node: string): void
  /** A process of a node began or ended. */
  processesChanged?(): void
  event?(event: TracepointEvent, tracepoint: Tracepoint): void
  /** A peer announced a block of a node. */
  announcement?(node: string, announcement: CountedAnnouncement): void
  /** `record` gives the block's record as it stands; it is made once for all outputs, when the first one asks. */
  block?(milestone: Milestone, block: Block, record: () => BlockRecord): unknown
}
