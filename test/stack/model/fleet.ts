import { Random } from '../../harness/random.ts'
import { type Arrival, arrive, findBlocks, type ModelBlock, type Profile } from './blocks.ts'

/** A machine whose agent Prometheus scrapes. */
export interface Host {
  readonly job: string
  readonly instance: string
  readonly nodes: Readonly<Record<string, Profile | undefined>>
  /** When the agent was started, and started anew (Unix, seconds). */
  readonly starts: readonly number[]
  /** Seconds after the minute at which it is scraped. */
  readonly offset: number
  /** No block comes any more from then on. */
  readonly stuckAt?: number
  /** Peers that are told apart; 0 for none, as agents do unless they are told otherwise. */
  readonly peers: number
}

/** Between two scrapes of an agent. */
export const SCRAPE_SECONDS = 60

export interface Fleet {
  readonly start: number
  readonly end: number
  readonly hosts: readonly Host[]
  readonly arrivals: readonly Arrival[]
}

/** A block that has no race by then has none. */
const SETTLED_SECONDS = 6
const HOUR = 3600
const DAY = 24 * HOUR

/**
 * Several nodes over some days: one that FIBRE serves well and, watched by the same agent, one that it does not; one whose agent
 * was restarted; and, since six hours, one that got blocks without any race, until an hour ago, and one to which nothing has come yet.
 */
export function simulateFleet({ seed, end, days }: { readonly seed: number; readonly end: number; readonly days: number }): Fleet {
  const start = end - days * DAY
  const random = new Random(seed)
  const blocks = [...findBlocks(random, start, end)]
  const hosts: readonly Host[] = [
    {
      job: 'fibre-agent',
      instance: 'host-a:9435',
      nodes: { alpha: { fibre: 0.72, compact: 0.18, mined: 0.03 }, beta: { fibre: 0.3, compact: 0.6, mined: 0 } },
      starts: [start],
      offset: 13,
      peers: 100,
    },
    {
      job: 'fibre-agent',
      instance: 'host-b:9435',
      nodes: { gamma: { fibre: 0.5, compact: 0.2, mined: 0.05 } },
      starts: [start, quietMinute(blocks, end - 20 * HOUR)],
      offset: 41,
      peers: 0,
    },
    {
      job: 'fibre-new',
      instance: 'host-c:9435',
      nodes: { plain: { fibre: 0, compact: 0, mined: 0 }, fresh: undefined },
      starts: [end - 6 * HOUR],
      stuckAt: end - HOUR,
      offset: 27,
      peers: 0,
    },
  ]
  const arrivals = hosts.flatMap(({ nodes, offset, starts: [from = start], stuckAt = end }) =>
    Object.entries(nodes).flatMap(([node, profile]) =>
      profile
        ? blocks
            .filter(({ foundAt }) => foundAt > from + SCRAPE_SECONDS && foundAt < stuckAt)
            .map((block) => awayFromScrape(arrive(random, block, node, profile), offset))
        : [],
    ),
  )
  return {
    start,
    end,
    hosts,
    arrivals: arrivals.filter(({ connectedAt }) => connectedAt < end).sort((a, b) => a.connectedAt - b.connectedAt),
  }
}

/** All that is said of a block within some seconds comes before one scrape: which one sees it does not hang on a millisecond. */
function awayFromScrape(arrival: Arrival, offset: number): Arrival {
  const untilScrape = (((offset - arrival.connectedAt) % SCRAPE_SECONDS) + SCRAPE_SECONDS) % SCRAPE_SECONDS
  return untilScrape > SETTLED_SECONDS ? arrival : { ...arrival, connectedAt: arrival.connectedAt + SETTLED_SECONDS + 1 }
}

/** A whole second about then at which no block is lost to those who count: none comes for some minutes around it. */
function quietMinute(blocks: readonly ModelBlock[], around: number): number {
  const next = blocks.findIndex(({ foundAt }, i) => foundAt > around && foundAt - (blocks[i - 1]?.foundAt ?? 0) > 600)
  const [before, after] = [blocks[next - 1], blocks[next]]
  if (!before || !after) throw new Error('there is no quiet time')
  return Math.trunc((before.foundAt + after.foundAt) / 2)
}
