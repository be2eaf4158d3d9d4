import type { BlockRecord } from '../blocks/record.ts'
import { type Severity, type SlowThresholds, severityOf } from '../blocks/severity.ts'

/** A slow block as the older slow-block recorder tells it: the same keys with the same meanings, `null` where nothing is known. */
export interface SlowBlockPayload {
  readonly event_type: 'slow_block_reconstruction'
  readonly severity: Severity
  /** When the block was reconstructed; whole seconds, as receivers of the older payload parse it. */
  readonly seen_at_utc: string
  readonly node_name: string
  readonly block_hash: string
  readonly height: number | null
  readonly src_peer: string | null
  readonly reconstruction_ms: number
  readonly chunks_used: number | null
  readonly chunks_recvd: number | null
  readonly chunk_peer_count: number | null
  readonly missing_tx_count: number | null
  readonly missing_tx_bytes: number | null
  readonly mempool_tx_count: number | null
  readonly total_tx_count: number | null
  readonly all_tx_from_mempool: boolean | null
  /** Chunks used of those received, 0 to 1. */
  readonly chunk_efficiency: number | null
  /** Shares of all transactions, 0 to 1. */
  readonly mempool_hit_ratio: number | null
  readonly missing_tx_ratio: number | null
  /**
   * `partial_record_timeout`: where the transactions came from did not become known before the record was closed.
   * The older recorder's `height_mismatch_between_probes` is never told: a record has one height, that of the connection if there was one.
   */
  readonly notes: 'partial_record_timeout' | null
  // From here on our own.
  readonly schema: 1
  /** The same for each delivery of this block of this node, so that repetitions can be told. */
  readonly delivery_id: string
}

/** Makes the payload of a slow block; `undefined` for one that is not slow. */
export function slowBlockPayload(record: BlockRecord, thresholds: SlowThresholds): SlowBlockPayload | undefined {
  const severity = severityOf(record, thresholds)
  const { reconstruction_ms } = record
  if (severity === undefined || reconstruction_ms === undefined) return undefined
  const { missing_transactions, missing_bytes, mempool_transactions, all_from_mempool, transactions } = record
  const detail = [missing_transactions, missing_bytes, mempool_transactions, all_from_mempool]
  return {
    event_type: 'slow_block_reconstruction',
    severity,
    seen_at_utc: `${(record.reconstructed_at ?? record.time).slice(0, 'YYYY-MM-DDThh:mm:ss'.length)}Z`,
    node_name: record.node,
    block_hash: record.block_hash,
    height: record.height ?? null,
    src_peer: record.reconstruction_peer ?? null,
    reconstruction_ms,
    chunks_used: record.chunks_used ?? null,
    chunks_recvd: record.chunks_received ?? null,
    chunk_peer_count: record.chunk_peers ?? null,
    missing_tx_count: missing_transactions ?? null,
    missing_tx_bytes: missing_bytes ?? null,
    mempool_tx_count: mempool_transactions ?? null,
    total_tx_count: transactions ?? null,
    all_tx_from_mempool: all_from_mempool ?? null,
    chunk_efficiency: ratio(record.chunks_used, record.chunks_received),
    mempool_hit_ratio: ratio(mempool_transactions, transactions),
    missing_tx_ratio: ratio(missing_transactions, transactions),
    notes: detail.every((value) => value === undefined) ? 'partial_record_timeout' : null,
    schema: 1,
    delivery_id: process.getBuiltinModule('node:crypto').hash('sha256', `${record.node}\n${record.block_hash}`).slice(0, 32),
  }
}

/** Reads a payload as it was kept in a file that somebody else may have written to; `undefined` if it is nothing of the kind. */
export function readPayload(value: unknown): SlowBlockPayload | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const given = value as Readonly<Record<string, unknown>>
  const known = Object.entries(fits).filter(([name]) => given[name] !== undefined)
  const isPayload = needed.every((name) => given[name] !== undefined) && known.every(([name, fits]) => fits(given[name]))
  return isPayload ? (Object.fromEntries(known.map(([name]) => [name, given[name]])) as unknown as SlowBlockPayload) : undefined
}

const needed = ['event_type', 'node_name', 'block_hash', 'schema', 'delivery_id'] as const

const isText = (value: unknown) => typeof value === 'string'
const orNull = (fits: (value: unknown) => boolean) => (value: unknown) => value === null || fits(value)
const count = orNull(Number.isSafeInteger)
const ratioOrNull = orNull(Number.isFinite)

const fits: Readonly<Record<keyof SlowBlockPayload, (value: unknown) => boolean>> = {
  event_type: (value) => value === 'slow_block_reconstruction',
  severity: (value) => value === 'slow' || value === 'very_slow',
  seen_at_utc: isText,
  node_name: isText,
  block_hash: (value) => isText(value) && /^[0-9a-f]{64}$/.test(value as string),
  height: count,
  src_peer: orNull(isText),
  reconstruction_ms: Number.isFinite,
  chunks_used: count,
  chunks_recvd: count,
  chunk_peer_count: count,
  missing_tx_count: count,
  missing_tx_bytes: count,
  mempool_tx_count: count,
  total_tx_count: count,
  all_tx_from_mempool: (value) => value === null || typeof value === 'boolean',
  chunk_efficiency: ratioOrNull,
  mempool_hit_ratio: ratioOrNull,
  missing_tx_ratio: ratioOrNull,
  notes: (value) => value === null || value === 'partial_record_timeout',
  schema: (value) => value === 1,
  delivery_id: isDeliveryId, // it becomes a header
}

/** Whether a value has the form of a delivery id. */
export function isDeliveryId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)
}

/** As JSON in ASCII, as the older recorder sends it: whatever a peer calls itself, no receiver's terminal or parser gets to see it raw. */
export function toAsciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function ratio(part: number | undefined, whole: number | undefined): number | null {
  return part === undefined || !whole ? null : part / whole
}
