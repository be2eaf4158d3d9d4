import { coinbaseText } from './coinbase.ts'
import { type Facts, firstChunkNs } from './facts.ts'
import { poolOf } from './pools.ts'
import type { Coverage, Mechanism } from './race.ts'

/** The JSON types of fields. Times are ISO 8601 in UTC, with µs. */
interface Kinds {
  readonly text: string
  readonly time: string
  readonly integer: number
  readonly decimal: number
  readonly boolean: boolean
}

export interface RecordField<T> {
  readonly kind: keyof Kinds
  readonly meaning: string
  /** Returns `undefined` where the value is not known; the record then lacks the field. */
  readonly read: (facts: Facts) => T
}

const field = <const Kind extends keyof Kinds>(kind: Kind) => {
  return <T extends Kinds[Kind] | undefined>(meaning: string, read: (facts: Facts) => T): RecordField<T> => ({ kind, meaning, read })
}
const text = field('text')
const time = field('time')
const integer = field('integer')
const decimal = field('decimal')
const boolean = field('boolean')

/** The path by which a block came to the node. */
export type Path = Mechanism | 'no_race' | 'unknown'

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
    'Path by which the block came: `fibre_udp`, `bip152_cmpct` or `other` as bitcoind says; `no_race`: connected without a race or any event of FIBRE, so mined here or received as a full block; `unknown`: never connected, or not known, because events were lost or this build lacks a tracepoint, or because FIBRE brought part of it and no race followed, as with a competing block that joined the chain later.',
    ({ winner, unheard }): Path => winner ?? (unheard ? 'no_race' : 'unknown'),
  ),
  coverage: text(
    'Mechanisms that had started when the block was connected: `both`, `udp_only`, `cmpct_only` or `none`.',
    ({ race, unheard }): Coverage | 'none' | undefined => race?.coverage ?? (unheard ? 'none' : undefined),
  ),
  winner: text("The mechanism that delivered the block, in bitcoind's words.", ({ raceWinner }) => raceWinner?.winner),
  winner_peer: text('Peer that delivered it.', ({ raceWinner }) => peer(raceWinner?.winnerPeer)),
  first_started: text('The mechanism that started first, as far as is known: `fibre_udp` or `bip152_cmpct`.', ({ race }) => race?.first),
  head_start_ms: decimal('Head start of that mechanism.', ({ race }) => milliseconds(race?.headStartSeconds)),
  head_start_is_lower_bound: boolean(
    'True if the other had not started when the block was connected: the head start is that long or longer.',
    ({ race }) => race && race.coverage !== 'both',
  ),
  udp_ms: decimal('First FIBRE packet to block connected: larger means earlier.', ({ race }) => milliseconds(race?.udpSeconds)),
  udp_peer: text('Peer of that packet.', ({ raceTime }) => peer(raceTime?.udpPeer)),
  cmpct_ms: decimal('First compact-block message to block connected.', ({ race }) => milliseconds(race?.cmpctSeconds)),
  cmpct_peer: text('Peer of that message.', ({ raceTime }) => peer(raceTime?.cmpctPeer)),
  first_chunk_at: time('First FIBRE packet, computed from the reconstruction, else from the race, else from the header chunk.', (facts) =>
    isoTime(at(facts, firstChunkNs(facts))),
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
  pool: text('Mining pool, by its tag in the coinbase, or `unknown`.', ({ coinbase }) => poolOf(coinbase?.scriptSig)),
  coinbase_text: text('Readable text in the coinbase.', ({ coinbase }) => coinbaseText(coinbase?.scriptSig)),
  reconstructed_to_connected_ms: decimal('Time from reconstructed to connected.', ({ reconstructed, connected }) =>
    between(reconstructed, connected),
  ),
  connected_to_winner_ms: decimal('Time from connected to winner named.', ({ connected, raceWinner }) => between(connected, raceWinner)),
  header_queue_ms: decimal('First header chunk: time in the queue.', ({ headerChunk }) => quotient(headerChunk?.queueUs, 1e3)),
  header_maps_ms: decimal('First header chunk: time to look up the block.', ({ headerChunk }) => quotient(headerChunk?.mapsUs, 1e3)),
  header_chunk_ms: decimal('First header chunk: time to add the chunk.', ({ headerChunk }) => quotient(headerChunk?.chunkUs, 1e3)),
  header_finish_ms: decimal('First header chunk: time to finish.', ({ headerChunk }) => quotient(headerChunk?.finishUs, 1e3)),
} as const satisfies Readonly<Record<string, RecordField<unknown>>>

function at({ timeAt }: Facts, stampNs: number | undefined): number | undefined {
  return stampNs === undefined ? undefined : timeAt(stampNs)
}

/** The second that was formatted last. The times of a block are close together, and formatting a Date costs more than the rest of a record. */
let written = { second: Number.NaN, text: '' }

/** Formats with µs, which a comparison of nodes needs; a Date has only ms. Returns `undefined` for what is not a time. */
function isoTime(us: number): string
function isoTime(us: number | undefined): string | undefined
function isoTime(us: number | undefined): string | undefined {
  if (us === undefined || !Number.isSafeInteger(us)) return undefined // up to the year 2255
  const second = Math.floor(us / 1e6)
  if (second !== written.second) written = { second, text: new Date(second * 1e3).toISOString().slice(0, -'000Z'.length) }
  return `${written.text}${String(us - second * 1e6).padStart(6, '0')}Z`
}

function between(from: { readonly stampNs: number } | undefined, to: { readonly stampNs: number } | undefined): number | undefined {
  return from && to && (to.stampNs - from.stampNs) / 1e6
}

function quotient(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor
}

/** Exact to the nanosecond, the resolution of bitcoind's times. */
function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e9) / 1e6
}

/** bitcoind passes `n/a` where there is no peer. */
function peer(peer: string | undefined): string | undefined {
  return peer === 'n/a' || peer === '' ? undefined : peer
}
