import type { BlockRecord } from '../record.ts'
import { millisecondsBetween } from '../record-field.ts'
import { type Quantiles, Sample, Slowest, share } from './sample.ts'

/** The figures of the ways by which blocks came. */
export interface WaySummary {
  /** Blocks that came as compact blocks, those that took the whole block after all included. */
  readonly compactBlocks: number
  /** Share of these that took no round trip, 0 to 1; undefined without any. */
  readonly withoutRoundTrip?: number | undefined
  /** In ms: first announcement by a peer to connected. */
  readonly announcedToConnected: Quantiles
  /** In ms: transactions that a compact block lacked requested to received, where that made it the block. */
  readonly roundTrip: Quantiles
  /** Of the same blocks: the number of these transactions, and the bytes of the message that brought them. */
  readonly requestedTransactions: Quantiles
  readonly requestedBytes: Quantiles
  /** Numbers of blocks by their slowest stage, the most frequent first. */
  readonly slowestStages: Readonly<Record<string, number>>
}

/** Collects the ways of blocks from their records. */
export class Ways {
  /** The slowest blocks from announced to connected. */
  readonly slowest = new Slowest()
  readonly #results = { direct: 0, roundTrip: 0, failed: 0 }
  readonly #announcedToConnected = new Sample()
  readonly #roundTrip = new Sample()
  readonly #requestedTransactions = new Sample()
  readonly #requestedBytes = new Sample()
  readonly #slowestStages = new Map<string, number>()

  add(record: BlockRecord): void {
    const { path, slowest_stage: stage } = record
    const announcedToConnected = millisecondsBetween(record.announced_at, record.connected_at)
    this.#announcedToConnected.add(announcedToConnected)
    this.slowest.add(record, announcedToConnected)
    if (path === 'compact_block') this.#results.direct++
    if (path === 'compact_block_round_trip') this.#addRoundTrip(record)
    if (path === 'full_block' && millisecondsBetween(record.compact_block_at, record.full_block_at) !== undefined) this.#results.failed++
    if (stage !== undefined) this.#slowestStages.set(stage, (this.#slowestStages.get(stage) ?? 0) + 1)
  }

  #addRoundTrip(record: BlockRecord): void {
    this.#results.roundTrip++
    this.#roundTrip.add(millisecondsBetween(record.requested_at, record.requested_received_at))
    this.#requestedTransactions.add(record.requested_transactions)
    this.#requestedBytes.add(record.requested_bytes)
  }

  summary(): WaySummary {
    const { direct, roundTrip, failed } = this.#results
    const compactBlocks = direct + roundTrip + failed
    return {
      compactBlocks,
      withoutRoundTrip: share(direct, compactBlocks),
      announcedToConnected: this.#announcedToConnected.quantiles(),
      roundTrip: this.#roundTrip.quantiles(),
      requestedTransactions: this.#requestedTransactions.quantiles(),
      requestedBytes: this.#requestedBytes.quantiles(),
      slowestStages: Object.fromEntries([...this.#slowestStages].sort(([, a], [, b]) => b - a)),
    }
  }
}
