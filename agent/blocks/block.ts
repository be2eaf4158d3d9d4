import type { BlockEvent } from '../tracepoints/index.ts'
import type { Mechanism, Race, Racer } from './race.ts'

/** What bitcoind said of one block: of each tracepoint the first event. */
type BlockEvents = { readonly [P in BlockEvent['probe']]?: Extract<BlockEvent, { readonly probe: P }> }

/** All that is known of one block of one node. */
export interface Block {
  readonly node: string
  /** 64 hex digits in display order. */
  readonly hash: string
  readonly events: BlockEvents
  readonly winner: Mechanism | undefined
  readonly race: Race | undefined
  /** Blocks won since each mechanism last won one, this one included. */
  readonly sinceWin: Readonly<Record<Racer, number>> | undefined
  /** It was connected, and it is certain that no race came. */
  readonly withoutRace: boolean
}

/** Adds an event, unless one of its tracepoint is known already. Returns whether it was new. */
export function addEvent(block: Block, event: BlockEvent): boolean {
  const events: Partial<Record<string, BlockEvent>> = block.events
  if (events[event.probe]) return false
  events[event.probe] = event
  return true
}
