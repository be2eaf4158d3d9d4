import type { Block } from './block.ts'
import type { Announcement } from './relay/relay.ts'

/**
 * Milestones of a block, each at most once for a hash: `connected`, told later or not at all while the node catches up; `won`: the winner is known; `timed`: the start of each mechanism
 * is known; `decided`: both are; `withoutRace`: no race came; `competing`: another block was known at its height; `overdue`: a minute after
 * its header there is no block; `waiting`: all is known but for a compact block that may come late; `measured`: that came; `closed`: nothing
 * more follows. `caughtUp` stands for `closed` where the node had missed the block. `reorganised`: blocks left the active chain for it, which
 * can happen to a closed block and again.
 */
export type Milestone =
  | 'connected'
  | 'won'
  | 'timed'
  | 'decided'
  | 'withoutRace'
  | 'competing'
  | 'overdue'
  | 'reorganised'
  | 'waiting'
  | 'measured'
  | 'closed'
  | 'caughtUp'
export type MilestoneListener = (milestone: Milestone, block: Block) => void

/** A peer's announcement of a block that was connected. Each peer announces a block once. */
export interface CountedAnnouncement {
  readonly message: Announcement['message']
  /** Time since the first peer announced it; `undefined` for that one. */
  readonly lagSeconds: number | undefined
}
