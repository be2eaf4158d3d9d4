import type { Racer } from '../agent/blocks/race.ts'
import { type Label, type LabelsOfSeries, type Scope, type SeriesName, select } from './names.ts'

/** The series and labels of an expression. */
export interface At {
  /** Label matchers for every selector; without them every series is taken. */
  readonly scope?: Scope | undefined
  /** The labels of the result: job and node by default, an empty list for one sum. `instance` is an address, so it is not among them. */
  readonly by?: readonly Label[] | undefined
}

/** The same, with the window that it looks back over. */
export interface Over extends At {
  /** A duration of PromQL, or a dashboard's variable: `24h`, `$window`. */
  readonly window: string
}

type Counter = Extract<SeriesName, `${string}_total` | `${string}_sum` | `${string}_count` | `${string}_bucket`>
type HistogramName<Name = SeriesName> = Name extends `${infer Histogram}_bucket` ? Histogram : never

const sameNode: readonly Label[] = ['job', 'node']
const by = ({ by = sameNode }: At): string => (by.length > 0 ? ` by (${by.join(', ')})` : '')

/** The summed increase of a counter. Not rounded: `increase` extrapolates, which does no harm in a ratio. */
export function increase<Name extends Counter>(name: Name, over: Over, labels: Partial<LabelsOfSeries<Name>> = {}): string {
  return `sum${by(over)} (increase(${select(name, labels, over.scope)}[${over.window}]))`
}

/** The summed increase of a counter as a whole number. */
export const times = <Name extends Counter>(name: Name, over: Over, labels: Partial<LabelsOfSeries<Name>> = {}): string =>
  `round(${increase(name, over, labels)})`

/** Leaves out what never happened, as most of the dozens of types and reasons. */
export const occurring = (expression: string): string => `${expression} > 0`

/** A share or a mean. Empty, rather than NaN, where the whole is zero. */
export const ratio = (part: string, whole: string): string => `${part} / (${whole} > 0)`

/** Drops NaN, the quantile of a histogram without observations: no comparison with NaN holds. */
const known = (expression: string): string => `${expression} >= 0`

const withBounds = (over: Over): Over => ({ ...over, by: [...(over.by ?? sameNode), 'le'] })

/** A quantile of a histogram's observations in the window, as exact as its buckets. */
export function quantile<Name extends HistogramName>(
  q: number,
  name: Name,
  over: Over,
  labels: Partial<LabelsOfSeries<`${Name}_bucket` & SeriesName>> = {},
): string {
  return known(`histogram_quantile(${q}, ${increase(`${name}_bucket` as `${Name}_bucket` & Counter, withBounds(over), labels as never)})`)
}

/** The mean of a histogram's observations in the window. */
export const mean = <Name extends HistogramName>(name: Name, over: Over): string =>
  ratio(increase(`${name}_sum` as `${Name}_sum` & Counter, over), increase(`${name}_count` as `${Name}_count` & Counter, over))

/** Share of decided races that FIBRE won. It does not cover blocks without a race: show it beside `coverage`. */
export const winRate = (over: Over): string => ratio(increase('fibre_block_race_wins_total', over, { mechanism: 'fibre_udp' }), races(over))

/** Decided races. */
export const races = (over: Over): string => increase('fibre_block_race_wins_total', over)

/** Note for panels that show connected blocks beside counts that have each block once. */
export const connectedAgain =
  'A block that is connected again, after a crash or reorganisation, counts again as connected; races, records and reconstructions have it once.'

/** Share of blocks that had a race, and so count in the win rate. */
export const coverage = (over: Over): string =>
  ratio(races(over), `(${races(over)} + ${increase('fibre_blocks_without_race_total', over)})`)

/**
 * A quantile of the head starts of one mechanism. Of one-sided races only a lower bound is known; leaving them out would hide
 * most of what FIBRE does, so both histograms count, and the result reads as "≥".
 */
export function headStart(q: number, over: Over, first: Racer = 'fibre_udp'): string {
  const exact = increase('fibre_race_head_start_seconds_bucket', withBounds(over), { first })
  const atLeast = increase('fibre_race_head_start_at_least_seconds_bucket', withBounds(over), { first })
  return known(`histogram_quantile(${q}, ${exact} + ${atLeast})`)
}

/** Time from the first header packet to the complete block. */
export const reconstructionTime = (q: number, over: Over): string => quantile(q, 'fibre_block_reconstruction_duration_seconds', over)

/** Share of blocks that were reconstructed within one of the histogram's bounds. */
export const reconstructedWithin = (le: LabelsOfSeries<'fibre_block_reconstruction_duration_seconds_bucket'>['le'], over: Over): string =>
  ratio(
    increase('fibre_block_reconstruction_duration_seconds_bucket', over, { le }),
    increase('fibre_block_reconstruction_duration_seconds_count', over),
  )

/** Share of received chunks that the decoder used. A full mempool lowers it too, because fewer chunks are needed. */
export const efficiency = (over: Over): string =>
  ratio(increase('fibre_chunks_used_total', over), increase('fibre_chunks_received_total', over))

/** Time that connecting a block took. */
export const connectionTime = (q: number, over: Over): string => quantile(q, 'bitcoin_block_connection_duration_seconds', over)

/** Share of reconstructed blocks whose every transaction was in the mempool. */
export const allFromMempool = (over: Over): string =>
  ratio(increase('fibre_block_all_tx_from_mempool_total', over), increase('fibre_block_missing_tx_count_count', over))

/** Share of compact blocks that needed no further message to be reconstructed. */
export const withoutRoundTrip = (over: Over): string =>
  ratio(
    increase('bitcoin_compact_block_reconstructions_total', over, { result: 'no_round_trip' }),
    increase('bitcoin_compact_block_reconstructions_total', over),
  )

/** The current value of a gauge. */
export const latest = <Name extends SeriesName>(name: Name, at: At = {}, labels: Partial<LabelsOfSeries<Name>> = {}): string =>
  `max${by(at)} (${select(name, labels, at.scope)})`

/** Decided races since a mechanism last won one. */
export const blocksSinceWin = (at: At = {}, mechanism: Racer = 'fibre_udp'): string => latest('fibre_blocks_since_win', at, { mechanism })

/** Seconds since the last block was connected. */
export const lastBlockAge = (at: At = {}): string => `time() - ${latest('fibre_last_block_connected_timestamp_seconds', at)}`

/** Blocks by which a node is behind the highest node of another scope, or of all nodes. */
export const behind = (at: At = {}, among?: Scope): string =>
  `scalar(max(${select('fibre_last_block_height', {}, among)})) - ${latest('fibre_last_block_height', at)}`
