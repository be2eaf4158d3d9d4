import { mechanisms, type Racer, racers } from './race.ts'
import type { BlockRecord } from './record.ts'
import type { Path } from './record-fields.ts'

/** Paths that FIBRE's events tell of, and those that only messages do. */
const pathsByEvents = [...mechanisms, 'no_race', 'unknown'] as const satisfies readonly Path[]
const pathsByMessages = ['compact_block', 'compact_block_round_trip', 'full_block', 'mined_here'] as const satisfies readonly Path[]

/** The paths that records have: there are none of blocks that a node caught up with. */
export const paths = [...pathsByEvents, ...pathsByMessages] as const

/** The paths that a summary shows: those that only messages tell of if a block came by them. */
export const shownPaths = (counts: PathCounts): readonly RecordPath[] => [
  ...pathsByEvents,
  ...pathsByMessages.filter((path) => counts[path] > 0),
]

type RecordPath = (typeof paths)[number]
/** Numbers of blocks by path. */
type PathCounts = Readonly<Record<RecordPath, number>>

/** Quantiles of durations, in ms; undefined where there are none. */
export interface Durations {
  readonly count: number
  readonly p50?: number | undefined
  readonly p95?: number | undefined
  readonly p99?: number | undefined
}

/** Head starts of one mechanism. */
export interface HeadStarts extends Durations {
  /** Number of lower bounds among them; if there are any, the quantiles are lower bounds too. */
  readonly lowerBounds: number
}

/** The figures of some blocks. */
export interface Summary {
  /** Times of the earliest and the latest block; undefined without any. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  /** Names of their nodes, sorted. */
  readonly nodes: readonly string[]
  readonly blocks: number
  readonly connected: number
  readonly paths: PathCounts
  /** Blocks whose winner is known. */
  readonly races: number
  /** Share of these that FIBRE won, 0 to 1; undefined without any. */
  readonly fibreWinRate?: number | undefined
  /** Share of blocks with a race among these and those that came without one, 0 to 1. */
  readonly raceCoverage?: number | undefined
  /** Head starts by the mechanism that started first, exact ones and lower bounds together. */
  readonly headStarts: Readonly<Record<Racer, HeadStarts>>
  readonly reconstruction: Durations
  /** The slowest reconstructions, slowest first. */
  readonly slowest: readonly BlockRecord[]
}

const SLOWEST = 5

/** Computes the figures of records in one pass; of most records it keeps only some numbers. */
export function summarise(records: Iterable<BlockRecord>): Summary {
  const counts = new Map<Path, number>(paths.map((path) => [path, 0]))
  const headStarts = new Map(racers.map((racer) => [racer, new Sample()]))
  const reconstruction = new Sample()
  let slowest: readonly BlockRecord[] = []
  const nodes = new Set<string>()
  let [from, to]: (string | undefined)[] = []
  let [blocks, connected, races, withoutRace] = [0, 0, 0, 0]
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
    counts.set(path, (counts.get(path) ?? 0) + 1)
    if (record.first_started !== undefined)
      headStarts.get(record.first_started)?.add(record.head_start_ms, record.head_start_is_lower_bound)
    if (record.reconstruction_ms === undefined) continue
    reconstruction.add(record.reconstruction_ms)
    slowest = slowestOf(slowest, record)
  }
  const pathCounts = Object.fromEntries(counts) as PathCounts
  return {
    from,
    to,
    nodes: [...nodes].sort(),
    blocks,
    connected,
    paths: pathCounts,
    races,
    fibreWinRate: share(pathCounts.fibre_udp, races),
    raceCoverage: share(races, races + withoutRace),
    headStarts: Object.fromEntries([...headStarts].map(([racer, sample]) => [racer, sample.headStarts()])) as Record<Racer, HeadStarts>,
    reconstruction: reconstruction.durations(),
    slowest,
  }
}

const isByMessages = ({ path }: BlockRecord) => pathsByMessages.some((other) => other === path)
const hadRace = (record: BlockRecord) =>
  mechanisms.some((mechanism) => mechanism === record.path) || (isByMessages(record) && record.winner !== undefined)
const hadNoRace = (record: BlockRecord) => record.path === 'no_race' || (isByMessages(record) && record.coverage === 'none')

/** Durations in ms, any of which may be a lower bound. */
class Sample {
  readonly #values: number[] = []
  #lowerBounds = 0

  add(ms: number | undefined, isLowerBound = false): void {
    if (ms === undefined) return
    this.#values.push(ms)
    if (isLowerBound) this.#lowerBounds++
  }

  durations(): Durations {
    const sorted = Float64Array.from(this.#values).sort()
    // Nearest rank: a time that some block really took.
    const quantile = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
    return { count: sorted.length, p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) }
  }

  headStarts(): HeadStarts {
    return { ...this.durations(), lowerBounds: this.#lowerBounds }
  }
}

function slowestOf(slowest: readonly BlockRecord[], record: BlockRecord): readonly BlockRecord[] {
  const msOf = ({ reconstruction_ms = 0 }: BlockRecord) => reconstruction_ms
  return [...slowest, record].sort((a, b) => msOf(b) - msOf(a)).slice(0, SLOWEST)
}

function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole
}
