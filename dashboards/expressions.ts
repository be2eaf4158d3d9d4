import type { Racer } from '../agent/blocks/race.ts'
import { type Label, type LabelsOfSeries, type Scope, type SeriesName, select } from './names.ts'

/** What an expression looks at. */
export interface At {
  /** Label matchers for every selector; none takes everything. */
  readonly scope?: Scope | undefined
  /** Labels that the result has, and no others: `instance` is an address. Job and node, if not given; none for one sum of all. */
  readonly by?: readonly Label[] | undefined
}

/** What it looks at, and how far back. */
export interface Over extends At {
  /** A duration of PromQL, or a dashboard's variable: `24h`, `$window`. */
  readonly window: string
}

type Counter = Extract<SeriesName, `${string}_total` | `${string}_sum` | `${string}_count` | `${string}_bucket`>
type HistogramName<Name = SeriesName> = Name extends `${infer Histogram}_bucket` ? Histogram : never

const sameNode: readonly Label[] = ['job', 'node']
const by = ({ by = sameNode }: At): string => (by.length > 0 ? ` by (${by.join(', ')})` : '')

/** How much a counter rose, summed. Not rounded: `increase` extrapolates, which ratios do not mind. */
export function increase<Name extends Counter>(name: Name, over: Over, labels: Partial<LabelsOfSeries<Name>> = {}): string {
  return `sum${by(over)} (increase(${select(name, labels, over.scope)}[${over.window}]))`
}

/** How often something happened, as a whole number. */
export const times = <Name extends Counter>(name: Name, over: Over, labels: Partial<LabelsOfSeries<Name>> = {}): string =>
  `round(${increase(name, over, labels)})`

/** A share or a mean. Nothing at all where the whole is nothing, rather than NaN. */
export const ratio = (part: string, whole: string): string => `${part} / (${whole} > 0)`

/** Drops NaN, which is the quantile of a histogram to which nothing was added: nothing compares with it. */
const known = (expression: string): string => `${expression} >= 0`

const withBounds = (over: Over): Over => ({ ...over, by: [...(over.by ?? sameNode), 'le'] })

/** A quantile of what was added to a histogram, as exact as its buckets. */
export function quantile<Name extends HistogramName>(
  q: number,
  name: Name,
  over: Over,
  labels: Partial<LabelsOfSeries<`${Name}_bucket` & SeriesName>> = {},
): string {
  return known(`histogram_quantile(${q}, ${increase(`${name}_bucket` as `${Name}_bucket` & Counter, withBounds(over), labels as never)})`)
}

/** The mean of what was added to a histogram. */
export const mean = <Name extends HistogramName>(name: Name, over: Over): string =>
  ratio(increase(`${name}_sum` as `${Name}_sum` & Counter, over), increase(`${name}_count` as `${Name}_count` & Counter, over))

/** Share of decided races that FIBRE won. It says nothing of blocks without a race: show it beside `coverage`. */
export const winRate = (over: Over): string => ratio(increase('fibre_block_race_wins_total', over, { mechanism: 'fibre_udp' }), races(over))

/** Decided races. */
export const races = (over: Over): string => increase('fibre_block_race_wins_total', over)

/** What to know where connected blocks stand beside what is told once of a block. */
export const connectedAgain =
  'A block that is connected again, after a crash or reorganisation, counts again as connected, but not in races, records and what was reconstructed.'

/** Share of blocks that had a race: what the win rate stands on. */
export const coverage = (over: Over): string =>
  ratio(races(over), `(${races(over)} + ${increase('fibre_blocks_without_race_total', over)})`)

/**
 * How much earlier, at least, the one that started first did so. Of races of one side only a lower bound is known; leaving
 * them out would hide most of what FIBRE does, so both histograms count, and the result is to be read as "≥".
 */
export function headStart(q: number, over: Over, first: Racer = 'fibre_udp'): string {
  const exact = increase('fibre_race_head_start_seconds_bucket', withBounds(over), { first })
  const atLeast = increase('fibre_race_head_start_at_least_seconds_bucket', withBounds(over), { first })
  return known(`histogram_quantile(${q}, ${exact} + ${atLeast})`)
}

/** Time from the first header packet to the complete block. */
export const reconstruction = (q: number, over: Over): string => quantile(q, 'fibre_block_reconstruction_duration_seconds', over)

/** Share of blocks that were reconstructed within a bound of the histogram's. */
export const reconstructedWithin = (le: LabelsOfSeries<'fibre_block_reconstruction_duration_seconds_bucket'>['le'], over: Over): string =>
  ratio(
    increase('fibre_block_reconstruction_duration_seconds_bucket', over, { le }),
    increase('fibre_block_reconstruction_duration_seconds_count', over),
  )

/** Share of received chunks that the decoder used. A full mempool lowers it too: less is needed. */
export const efficiency = (over: Over): string =>
  ratio(increase('fibre_chunks_used_total', over), increase('fibre_chunks_received_total', over))

/** Time that connecting a block took. */
export const connecting = (q: number, over: Over): string => quantile(q, 'bitcoin_block_connection_duration_seconds', over)

/** Share of reconstructed blocks of which the mempool had every transaction. */
export const allFromMempool = (over: Over): string =>
  ratio(increase('fibre_block_all_tx_from_mempool_total', over), increase('fibre_block_missing_tx_count_count', over))

/** What a gauge says now. */
export const latest = <Name extends SeriesName>(name: Name, at: At = {}, labels: Partial<LabelsOfSeries<Name>> = {}): string =>
  `max${by(at)} (${select(name, labels, at.scope)})`

/** Blocks with a decided race since that mechanism last won one. */
export const blocksSinceWin = (at: At = {}, mechanism: Racer = 'fibre_udp'): string => latest('fibre_blocks_since_win', at, { mechanism })

/** Seconds since the last block was connected. */
export const lastBlockAge = (at: At = {}): string => `time() - ${latest('fibre_last_block_connected_timestamp_seconds', at)}`

/** Blocks by which a node is behind the highest of those in another scope: of all, if not given. */
export const behind = (at: At = {}, among?: Scope): string =>
  `scalar(max(${select('fibre_last_block_height', {}, among)})) - ${latest('fibre_last_block_height', at)}`
