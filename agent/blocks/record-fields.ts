import { coinbaseText } from './coinbase.ts'
import type { Facts } from './facts.ts'
import { poolOf } from './pools.ts'
import type { Coverage, Mechanism } from './race.ts'
import { at, boolean, decimal, integer, isoTime, quotient, type RecordField, text, time } from './record-field.ts'
import type { Delivery } from './relay/delivery.ts'
import { wayFields } from './way-fields.ts'

/** The path by which a block came to the node. */
export type Path = Mechanism | Delivery['path'] | 'mined_here' | 'caught_up' | 'no_race' | 'unknown'

/** The fields of a block's record, in their order. Their names are an interface: the journal, JSON, CSV and Loki use the same. */
export const recordFields = {
  schema: integer('Version of this list of fields.', () => 1 as const),
  time: time('Time at which the block was connected, or first heard of if it never was.', ({ timeAt, stampNs }) =>
    isoTime(timeAt(stampNs)),
  ),
  node: text('Name of the node.', ({ node }) => node),
  block_hash: text('Hash: 64 hex digits, as block explorers show it.', ({ hash }) => hash),
  height: integer(
    'Height of the block.',
    ({ connected, raceWinner, raceTime, reconstructed, detail }) =>
      connected?.height ?? raceWinner?.height ?? raceTime?.height ?? reconstructed?.height ?? detail?.height,
  ),
  path: text(
    'Path by which the block came: `fibre_udp`, `bip152_cmpct` or `other` as bitcoind says. Where messages are seen, or the node tells of them, in place of all but the first: `compact_block`: it took no more than a compact block, `compact_block_round_trip`: and transactions that were asked for, `full_block`: a whole block, `mined_here`: no peer and no FIBRE brought it. Where they are not, `no_race`: connected without a race or any event of FIBRE, so mined here or received as a full block. `caught_up`: one of many that the node had missed; the journal has none of these. `unknown`: never connected, or not known, because events were lost or this build lacks a tracepoint, or because FIBRE brought part of it and no race followed, as with a competing block that joined the chain later.',
    pathOf,
  ),
  coverage: text(
    'Mechanisms that had started when the block was connected: `both`, `udp_only`, `cmpct_only` or `none`.',
    ({ race, unheard }): Coverage | 'none' | undefined => race?.coverage ?? (unheard ? 'none' : undefined),
  ),
  winner: text("The mechanism that delivered the block, in bitcoind's words.", ({ raceWinner }) => raceWinner?.winner),
  winner_peer: text('Peer that delivered it.', ({ raceWinner }) => peer(raceWinner?.winnerPeer)),
  first_started: text('The mechanism that started first, as far as is known: `fibre_udp` or `bip152_cmpct`.', ({ race }) => race?.first),
  head_start_ms: decimal('Head start of that mechanism.', ({ race, measuredHeadStartSeconds }) =>
    milliseconds(measuredHeadStartSeconds ?? race?.headStartSeconds),
  ),
  head_start_is_lower_bound: boolean(
    'True if the other had not started when the block was connected, nor came after it: the head start is that long or longer.',
    ({ race, measuredHeadStartSeconds }) => race && race.coverage !== 'both' && measuredHeadStartSeconds === undefined,
  ),
  udp_ms: decimal('First FIBRE packet to block connected: larger means earlier.', ({ race }) => milliseconds(race?.udpSeconds)),
  udp_peer: text('Peer of that packet.', ({ raceTime }) => peer(raceTime?.udpPeer)),
  cmpct_ms: decimal('First compact-block message to block connected.', ({ race }) => milliseconds(race?.cmpctSeconds)),
  cmpct_peer: text('Peer of that message.', ({ raceTime }) => peer(raceTime?.cmpctPeer)),
  first_chunk_at: time('First FIBRE packet, computed from the reconstruction, else from the race, else from the header chunk.', (facts) =>
    isoTime(at(facts, facts.firstChunkNs)),
  ),
  reconstructed_at: time('Reconstructed from FIBRE chunks.', (facts) => isoTime(at(facts, facts.reconstructed?.stampNs))),
  connected_at: time('Connected to the active chain.', (facts) => isoTime(at(facts, facts.connected?.stampNs))),
  winner_known_at: time('Time at which bitcoind named the winner.', (facts) => isoTime(at(facts, facts.raceWinner?.stampNs))),
  sent_at: time("Time at which bitcoind began to send it on to its UDP peers, by bitcoind's clock.", ({ sendStart }) =>
    isoTime(sendStart?.startUs),
  ),
  reconstruction_ms: decimal('First header packet to complete block.', ({ reconstructed }) => quotient(reconstructed?.durationUs, 1e3)),
  reconstruction_peer: text('Peer whose chunk completed it.', ({ reconstructed }) => peer(reconstructed?.peer)),
  chunks_used: integer('Chunks that the decoder used.', ({ reconstructed }) => reconstructed?.chunksUsed),
  chunks_received: integer('Chunks that had arrived by then.', ({ reconstructed }) => reconstructed?.chunksReceived),
  chunk_peers: integer('Peers that sent them.', ({ reconstructed }) => reconstructed?.peers),
  missing_transactions: integer(
    'Transactions that the mempool lacked; `missing_tx_count` in the webhook.',
    ({ detail }) => detail?.missingTransactions,
  ),
  missing_bytes: integer('Their size in bytes; `missing_tx_bytes` in the webhook.', ({ detail }) => detail?.missingBytes),
  mempool_transactions: integer('Transactions that the mempool had.', ({ detail }) => detail?.mempoolTransactions),
  all_from_mempool: boolean(
    'True if the mempool had every transaction.',
    ({ detail }) => detail && (detail.allFromMempool === undefined ? undefined : detail.allFromMempool !== 0),
  ),
  connect_ms: decimal('Time that connecting took.', ({ connected }) => quotient(connected?.durationNs, 1e6)),
  transactions: integer(
    'Transactions of the block, the coinbase included.',
    ({ connected, detail }) => connected?.transactions ?? detail?.transactions,
  ),
  inputs: integer('Inputs of the block.', ({ connected }) => connected?.inputs),
  sigops: integer('Signature operations of the block.', ({ connected }) => connected?.sigops),
  pool: text('Mining pool, by its tag in the coinbase, or `unknown`.', ({ coinbase }) => poolOf(coinbase)),
  coinbase_text: text('Readable text in the coinbase.', ({ coinbase }) => coinbaseText(coinbase)),
  reconstructed_to_connected_ms: decimal('Time from reconstructed to connected.', ({ reconstructed, connected }) =>
    between(reconstructed, connected),
  ),
  connected_to_winner_ms: decimal('Time from connected to winner named.', ({ connected, raceWinner }) => between(connected, raceWinner)),
  header_queue_ms: decimal('First header chunk: time in the queue.', ({ headerChunk }) => quotient(headerChunk?.queueUs, 1e3)),
  header_maps_ms: decimal('First header chunk: time to look up the block.', ({ headerChunk }) => quotient(headerChunk?.mapsUs, 1e3)),
  header_chunk_ms: decimal('First header chunk: time to add the chunk.', ({ headerChunk }) => quotient(headerChunk?.chunkUs, 1e3)),
  header_finish_ms: decimal('First header chunk: time to finish.', ({ headerChunk }) => quotient(headerChunk?.finishUs, 1e3)),
  ...wayFields,
} as const satisfies Readonly<Record<string, RecordField<unknown>>>

function pathOf({ winner, delivery, isCaughtUp, isMinedHere, isSent, unheard }: Facts): Path {
  if (isCaughtUp) return 'caught_up'
  return delivery?.path ?? winner ?? (isMinedHere ? 'mined_here' : unheard && !isSent ? 'no_race' : 'unknown')
}

function between(from: { readonly stampNs: number } | undefined, to: { readonly stampNs: number } | undefined): number | undefined {
  return from && to && (to.stampNs - from.stampNs) / 1e6
}

/** Exact to the nanosecond, the resolution of bitcoind's times. */
function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e9) / 1e6
}

/** bitcoind passes `n/a` where there is no peer. */
function peer(peer: string | undefined): string | undefined {
  return peer === 'n/a' || peer === '' ? undefined : peer
}
