import type { BlockEvent } from '../tracepoints/index.ts'
import type { Mechanism, Race, Racer } from './race.ts'
import type { Relay } from './relay/relay.ts'

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
  /** Head start of FIBRE in a race that a compact block completed which came after the block was connected. */
  readonly measuredHeadStartSeconds: number | undefined
  /** Decided races since each mechanism last won one, this one included. */
  readonly sinceWin: Readonly<Record<Racer, number>> | undefined
  /** True if it was connected and certainly had no race. */
  readonly withoutRace: boolean
  /** What peers sent of it; `undefined` where messages are not seen, or told nothing. */
  readonly relay: Relay | undefined
  /** The stamp from which on every message about it was seen; `undefined` if some were lost, or none are seen. */
  readonly messagesSinceNs: number | undefined
  /** True if it was connected as one of many that the node had missed. */
  readonly isCaughtUp: boolean
  /** The first block that was heard of at its height, if that is another. */
  readonly competesWith: string | undefined
  /** Blocks that left the active chain for it, 0 if there were none. */
  readonly reorganisationDepth: number
  /** Its header was announced, and a minute later there was no block. */
  readonly isOverdue: boolean
  /** When it was heard of, for the record of a block without events: CLOCK_MONOTONIC in ns, and unix seconds. */
  readonly firstSign: { readonly stampNs: number; readonly unixSeconds: number }
}

const relayProbes = ['udp:block_reconstructed', 'udp:block_reconstruction_detail', 'udp:block_coinbase', 'udp:block_header_chunk'] as const

/** Time at which a block was connected, if it was: CLOCK_MONOTONIC, ns. */
export const connectedNsOf = ({ events }: Block): number | undefined => events['validation:block_connected']?.stampNs

/** Reports whether FIBRE brought any of a block by that time. */
export function isBroughtBy({ events }: Block, stampNs: number): boolean {
  return relayProbes.some((probe) => (events[probe]?.stampNs ?? Number.POSITIVE_INFINITY) <= stampNs)
}

/** A node tells its peers by then of a block that it mined, after it was connected. */
const TOLD_NS = 25e6

/**
 * Reports whether a block that was connected at that time was news: FIBRE or a peer brought or announced it before, or the node told its
 * peers: before, or just after if it did not get the block from one.
 */
export function isNews(block: Block, connectedNs: number): boolean {
  const { relay, events } = block
  if (isBroughtBy(block, connectedNs) || relay?.isAnnouncedBy(connectedNs)) return true
  if (relay?.reconstruction && relay.reconstruction.stampNs <= connectedNs) return true
  const isSent = events['udp:block_send_start'] !== undefined && events['udp:block_send_start'].stampNs <= connectedNs
  const isTold =
    relay?.told !== undefined &&
    relay.told.stampNs <= connectedNs + (relay.whole.some(({ stampNs }) => stampNs <= connectedNs) ? 0 : TOLD_NS)
  return isSent || isTold
}

/** Reports whether there was a race, even if its fields could not be read. */
export function hasRace({ winner, race, events }: Block): boolean {
  if (winner !== undefined || race !== undefined || events['udp:block_race_winner']) return true
  const times = events['udp:block_race_time']
  return times !== undefined && (times.udpNs === undefined || times.cmpctNs === undefined)
}

/** Adds an event, unless the block has one of that tracepoint already. Returns whether it was added. */
export function addEvent(block: Block, event: BlockEvent): boolean {
  const events: Partial<Record<string, BlockEvent>> = block.events
  if (events[event.probe]) return false
  events[event.probe] = event
  return true
}
