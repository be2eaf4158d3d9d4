import { mechanisms, type Racer, racers } from '../race.ts'
import type { BlockRecord } from '../record.ts'
import type { Path } from '../record-fields.ts'
import { type Quantiles, Sample, Slowest, share } from './sample.ts'
import { type WaySummary, Ways } from './way-summary.ts'

/** Paths that FIBRE's events tell of, and those that only messages do. */
const pathsByEvents = [...mechanisms, 'no_race', 'unknown'] as const satisfies readonly Path[]
const pathsByMessages = ['compact_block', 'compact_block_round_trip', 'full_block', 'mined_here'] as const satisfies readonly Path[]

/** The paths that records have: there are none of blocks that a node caught up with. */
export const paths = [...pathsByEvents, ...pathsByMessages] as const

/** The paths by which any block came. */
export const pathsIn = (counts: PathCounts): readonly RecordPath[] => paths.filter((path) => counts[path] > 0)

/** The paths that a summary of a node with FIBRE shows: those that only messages tell of if a block came by them. */
export const shownPaths = (counts: PathCounts): readonly RecordPath[] => [
  ...pathsByEvents,
  ...pathsByMessages.filter((path) => counts[path] > 0),
]

type RecordPath = (typeof paths)[number]
/** Numbers of blocks by path. */
type PathCounts = Readonly<Record<RecordPath, number>>

/** Head starts of one mechanism, in ms. */
export interface HeadStarts extends Quantiles {
  /** Number of lower bounds among them; if there are any, the quantiles are lower bounds too. */
  readonly lowerBounds: number
}

/** The figures of some blocks. */
export interface Summary extends WaySummary {
  /** Times of the earliest and the latest block; undefined without any. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** Names of their nodes, sorted. */
  readonly nodes: readonly string[]
  readonly blocks: number
  readonly connected: number
  /** Blocks that only competed, or of which nothing but the header came; they are not among those by path. */
  readonly neverConnected: number
  readonly paths: PathCounts
  /** Blocks whose winner is known. */
  readonly races: number
  /** Share of these that FIBRE won, 0 to 1; undefined without any. */
  readonly fibreWinRate?: number | undefined
  /** Share of blocks with a race among these and those that came without one, 0 to 1. */
  readonly raceCoverage?: number | undefined
  /** Head starts by the mechanism that started first, exact ones and lower bounds together. */
  readonly headStarts: Readonly<Record<Racer, HeadStarts>>
  /** In ms. */
  readonly reconstruction: Quantiles
  /** The slowest reconstructions, slowest first; without any, the slowest blocks from announced to connected. */
  readonly slowest: readonly BlockRecord[]
}

/** Computes the figures of records in one pass; of most records it keeps only some numbers. */
export function summarise(records: Iterable<BlockRecord>): Summary {
  const counts = new Map<Path, number>(paths.map((path) => [path, 0]))
  const headStarts = new Map(racers.map((racer) => [racer, new HeadStartSample()]))
  const reconstruction = new Sample()
  const slowest = new Slowest()
  const ways = new Ways()
  const nodes = new Set<string>()
  let [from, to]: (string | undefined)[] = []
  let [blocks, connected, neverConnected, races, withoutRace] = [0, 0, 0, 0, 0]
  for (const record of records) {
    blocks++
    // Times are all of one form, so they sort as text.
    if (from === undefined || record.time < from) from = record.time
    if (to === undefined || record.time > to) to = record.time
    nodes.add(record.node)
    if (record.connected_at !== undefined) connected++
    if (hadRace(record)) races++
    else if (hadNoRace(record)) withoutRace++
    const path = counts.has(record.path) ? record.path : 'unknown'
    // A build that does not tell what it connects has a path of each block that came.
    if (record.path === 'unknown' && record.connected_at === undefined) neverConnected++
    else counts.set(path, (counts.get(path) ?? 0) + 1)
    if (record.first_started !== undefined)
      headStarts.get(record.first_started)?.addStart(record.head_start_ms, record.head_start_is_lower_bound)
    reconstruction.add(record.reconstruction_ms)
    slowest.add(record, record.reconstruction_ms)
    ways.add(record)
  }
  const pathCounts = Object.fromEntries(counts) as PathCounts
  return {
    from,
    to,
    nodes: [...nodes].sort(),
    blocks,
    connected,
    neverConnected,
    paths: pathCounts,
    races,
    fibreWinRate: share(pathCounts.fibre_udp, races),
    raceCoverage: share(races, races + withoutRace),
    headStarts: Object.fromEntries([...headStarts].map(([racer, sample]) => [racer, sample.headStarts()])) as Record<Racer, HeadStarts>,
    reconstruction: reconstruction.quantiles(),
    ...ways.summary(),
    slowest: slowest.records.length > 0 ? slowest.records : ways.slowest.records,
  }
}

const isByMessages = ({ path }: BlockRecord) => pathsByMessages.some((other) => other === path)
const hadRace = (record: BlockRecord) =>
  mechanisms.some((mechanism) => mechanism === record.path) || (isByMessages(record) && record.winner !== undefined)
const hadNoRace = (record: BlockRecord) => record.path === 'no_race' || (isByMessages(record) && record.coverage === 'none')

/** Head starts, any of which may be a lower bound. */
class HeadStartSample extends Sample {
  #lowerBounds = 0

  addStart(ms: number | undefined, isLowerBound = false): void {
    this.add(ms)
    if (ms !== undefined && isLowerBound) this.#lowerBounds++
  }

  headStarts(): HeadStarts {
    return { ...this.quantiles(), lowerBounds: this.#lowerBounds }
  }
}
