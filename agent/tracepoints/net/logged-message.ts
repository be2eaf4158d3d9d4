import type { EventBase } from '../define.ts'

/** A message about a block, as debug.log tells of it: by the block's hash, where tracepoints pass the bytes of each message. */
export interface LoggedMessage extends EventBase {
  readonly type: 'cmpctblock' | 'headers' | 'block' | 'getblocktxn' | 'blocktxn'
  readonly isInbound: boolean
  /** The node's number of the peer. */
  readonly peer: number
  /** Size of the payload, in bytes. */
  readonly size: number | undefined
  /** Hash of the block: 64 hex digits in display order. */
  readonly hash: string
  /** Whether it told the node of the block. Of later announcements the log does not tell of which block they are. */
  readonly isFirst: boolean
}
