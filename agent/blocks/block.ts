import type { BlockEvent } from '../tracepoints/index.ts'
import type { Mechanism, Race, Racer } from './race.ts'

/** The events of one block: the first of each tracepoint. */
type BlockEvents = { readonly [P in BlockEvent['probe']]?: Extract<BlockEvent, { readonly probe: P }> }

/** Everything that is known of one block of one node. */
export interface Block {
  readonly node: string
  /** 64 hex digits in display order. */
  readonly hash: string
  readonly events: BlockEvents
  readonly winner: Mechanism | undefined
  readonly race: Race | undefined
  /** Decided races since each mechanism last won one, this one included. */
  readonly sinceWin: Readonly<Record<Racer, number>> | undefined
  /** True if it was connected and certainly had no race. */
  readonly withoutRace: boolean
}

/** Adds an event, unless the block has one of that tracepoint already. Returns whether it was added. */
export function addEvent(block: Block, event: BlockEvent): boolean {
  const events: Partial<Record<string, BlockEvent>> = block.events
  if (events[event.probe]) return false
  events[event.probe] = event
  return true
}
