import { blockAlerts } from '../../../dashboards/alerts/blocks.ts'
import { select } from '../../../dashboards/names.ts'
import { testAlerts } from './alert-cases.ts'
import type { SeriesSet } from './promtool-tests.ts'
import { blocksAt, healthyNode, paris, quito, type SimulatedBlock, simulateBlocks, type Target, tokyo } from './simulated.ts'

const HOUR = 60
const day = simulateBlocks(4, 1)

/** Compact blocks win every race after some seconds. */
const lostAfter = (seconds: number, blocks: readonly SimulatedBlock[]) =>
  blocks.map((block) => (block.at > seconds && block.winner ? { ...block, winner: 'bip152_cmpct' as const } : block))

/** Twenty times as many blocks as are found, none with a race. */
const download = day.flatMap((block) => Array.from({ length: 20 }, () => ({ ...block, winner: undefined })))

/** A node on which all is well, and counters that rise at minute 100. */
const rising = (counters: Partial<Record<ChainCounter, number>>): SeriesSet => ({
  ...healthyNode(paris, day),
  ...Object.fromEntries(
    Object.entries(counters).map(([name, by]) => [select(name as ChainCounter, paris), (minute: number) => (minute >= 100 ? by : 0)]),
  ),
})
type ChainCounter =
  | 'bitcoin_competing_blocks_total'
  | 'bitcoin_headers_without_block_total'
  | 'bitcoin_reorganisation_depth_blocks_count'
  | 'bitcoin_reorganisation_depth_blocks_sum'

const without = (part: RegExp, series: SeriesSet): SeriesSet =>
  Object.fromEntries(Object.entries(series).filter(([selector]) => !part.test(selector)))

/** Compact blocks of a node, six an hour, by what they took besides; the shares are of ten. */
const compactBlocks = (target: Target, { alone, roundTrip }: { readonly alone: number; readonly roundTrip: number }): SeriesSet =>
  Object.fromEntries(
    (
      [
        ['no_round_trip', alone],
        ['round_trip', roundTrip],
        ['full_block', 10 - alone - roundTrip],
      ] as const
    ).map(([result, share]) => [
      select('bitcoin_compact_block_reconstructions_total', { ...target, result }),
      (minute: number) => (minute * share) / 100,
    ]),
  )

/** Blocks, six an hour, each connected within a bound after it was announced. */
const announced = (target: Target, within: number): SeriesSet => ({
  ...Object.fromEntries(
    [0.5, 1, 2.5, 5, Number.POSITIVE_INFINITY].map((bound) => [
      `bitcoin_block_announced_to_connected_seconds_bucket{job="${target.job}", instance="${target.instance}", node="${target.node}", le="${bound === Number.POSITIVE_INFINITY ? '+Inf' : bound}"}`,
      (minute: number) => (bound >= within ? minute / 10 : 0),
    ]),
  ),
  [select('bitcoin_block_announced_to_connected_seconds_count', target)]: (minute: number) => minute / 10,
})

const delayed = (seconds: number) => day.map((one) => ({ ...one, at: one.at + seconds }))

testAlerts(
  blockAlerts,
  {
    FibreNotWinning: {
      'fires when compact blocks have won twenty races': {
        series: healthyNode(paris, lostAfter(2 * 3600, day)),
        at: { [2 * HOUR]: [], [8 * HOUR]: ['warning paris'] },
      },
      'is silent at nineteen, and where there has been no race': {
        series: {
          ...healthyNode(
            paris,
            blocksAt(...Array.from({ length: 19 }, (_, index) => 10 * index)).map((one) => ({ ...one, winner: 'bip152_cmpct' })),
          ),
          ...healthyNode(tokyo, []),
        },
        at: { 200: [] },
      },
    },
    FibreProbesSilent: {
      'fires an hour after six hours of blocks without a race': {
        series: healthyNode(
          paris,
          day.map((one) => (one.at > 3600 ? { ...one, winner: undefined } : one)),
        ),
        at: { [5 * HOUR]: [], [9 * HOUR]: ['warning paris'] },
      },
      'is silent in the initial download, and when a node was off for ten hours': {
        series: {
          ...healthyNode(tokyo, download),
          ...healthyNode(
            paris,
            day.map((one) => (one.at < 36_000 ? { ...one, at: 36_000, winner: undefined } : one)),
          ),
        },
        at: { [9 * HOUR]: [], 610: [], 640: [], [13 * HOUR]: [] },
      },
      'is silent for a node without FIBRE': {
        series: without(
          /provider="udp"/,
          healthyNode(
            paris,
            day.map((one) => ({ ...one, winner: undefined })),
          ),
        ),
        at: { [9 * HOUR]: [] },
      },
    },
    FibreNothingSent: {
      'fires when a node that used to send sends no more': {
        series: healthyNode(
          paris,
          day.map((one) => ({ ...one, isSent: one.at < 4 * 3600 })),
        ),
        at: { [9 * HOUR]: [], [12 * HOUR]: ['warning paris'], [22 * HOUR]: ['warning paris'] },
      },
      'is silent for one that never does': {
        series: healthyNode(
          paris,
          day.map((one) => ({ ...one, isSent: false })),
        ),
        at: { [12 * HOUR]: [] },
      },
    },
    FibreWinRateLow: {
      'fires when FIBRE wins one race in three': {
        series: healthyNode(
          paris,
          day.map((one, index) => ({ ...one, winner: index % 3 ? 'bip152_cmpct' : 'fibre_udp' })),
        ),
        at: { [3 * HOUR]: [], [12 * HOUR]: ['info paris'] },
      },
      'is silent when it wins two of three, and when there were few races': {
        series: {
          ...healthyNode(
            paris,
            day.map((one, index) => ({ ...one, winner: index % 3 ? 'fibre_udp' : 'bip152_cmpct' })),
          ),
          ...healthyNode(tokyo, lostAfter(0, day.slice(0, 25))),
        },
        at: { [12 * HOUR]: [] },
      },
    },
    FibreRaceCoverageLow: {
      'fires when one block in three has a race': {
        series: healthyNode(
          paris,
          day.map((one, index) => (index % 3 ? { ...one, winner: undefined } : one)),
        ),
        at: { [12 * HOUR]: ['info paris'] },
      },
      'is silent in the initial download': {
        series: healthyNode(paris, download),
        at: { [3 * HOUR]: [], [12 * HOUR]: [] },
      },
    },
    FibreReconstructionSlow: {
      'fires when blocks take 200 ms': {
        series: healthyNode(
          paris,
          day.map((one) => ({ ...one, reconstructionSeconds: 0.2 })),
        ),
        at: { [8 * HOUR]: ['warning paris'] },
      },
      'is silent when one block in five takes half a second, and when none was reconstructed': {
        series: {
          ...healthyNode(
            paris,
            day.map((one, index) => ({ ...one, reconstructionSeconds: index % 5 ? 0.01 : 0.5 })),
          ),
          ...healthyNode(
            tokyo,
            day.map((one) => ({ ...one, reconstructionSeconds: undefined })),
          ),
        },
        at: { [8 * HOUR]: [] },
      },
    },
    FibreBlockTookSeconds: {
      'fires for one block of three seconds, for a quarter of an hour': {
        step: 1,
        series: healthyNode(
          paris,
          blocksAt(20, 50, 70).map((one) => ({ ...one, reconstructionSeconds: one.at === 50 * 60 ? 3 : 0.01 })),
        ),
        at: { 49: [], 50: ['info paris'], 66: [], 70: [] },
      },
      'is silent for one of two seconds, and for the first fast one after a slow one': {
        step: 1,
        series: {
          ...healthyNode(
            paris,
            blocksAt(20, 50).map((one) => ({ ...one, reconstructionSeconds: 2 })),
          ),
          ...healthyNode(
            tokyo,
            blocksAt(5, 50).map((one) => ({ ...one, reconstructionSeconds: one.at === 300 ? 3 : 0.01 })),
          ),
        },
        at: { 50: [], 55: [] },
      },
    },
    FibreSlowConnect: {
      'fires when one block in five takes two seconds to connect': {
        series: healthyNode(
          paris,
          day.map((one, index) => ({ ...one, connectSeconds: index % 5 ? 0.03 : 2 })),
        ),
        at: { [8 * HOUR]: ['warning paris'] },
      },
      'is silent in the initial download': {
        series: healthyNode(
          paris,
          download.map((one) => ({ ...one, connectSeconds: 2 })),
        ),
        at: { [8 * HOUR]: [] },
      },
    },
    FibreRoundTrips: {
      'fires when six of ten compact blocks need one, or the whole block': {
        series: compactBlocks(paris, { alone: 4, roundTrip: 5 }),
        at: { [4 * HOUR]: [], [9 * HOUR]: ['info paris'] },
      },
      'is silent when four of ten do, and of few blocks': {
        series: {
          ...compactBlocks(paris, { alone: 6, roundTrip: 3 }),
          ...Object.fromEntries(
            Object.entries(compactBlocks(tokyo, { alone: 0, roundTrip: 10 })).map(([name, at]) => [
              name,
              (minute: number) => at(Math.min(minute, 200)),
            ]),
          ),
        },
        at: { [9 * HOUR]: [] },
      },
    },
    FibreAnnouncedToConnectedSlow: {
      'fires when half of the blocks take seconds': {
        series: announced(paris, 5),
        at: { 60: [], [8 * HOUR]: ['warning paris'] },
      },
      'is silent when they take one': { series: announced(paris, 1), at: { [8 * HOUR]: [] } },
    },
    FibreBlocksLate: {
      'fires for the node that connects blocks 20 s after the others': {
        series: { ...healthyNode(paris, day), ...healthyNode(tokyo, delayed(20)), ...healthyNode(quito, delayed(1)) },
        at: { [8 * HOUR]: ['warning tokyo'] },
      },
      'is silent for a node alone, for 5 s, for one that is blocks behind, and for another job': {
        series: {
          ...healthyNode(paris, day),
          ...healthyNode(tokyo, delayed(5)),
          ...healthyNode({ ...paris, job: 'tor' }, delayed(300)),
          ...healthyNode(quito, day.slice(0, 1)),
        },
        at: { [8 * HOUR]: [] },
      },
    },
    FibreReorganisation: {
      'fires for an hour when two blocks are replaced at once': {
        series: rising({ bitcoin_reorganisation_depth_blocks_count: 1, bitcoin_reorganisation_depth_blocks_sum: 2 }),
        at: { 90: [], 105: ['warning paris'], 150: ['warning paris'], 170: [] },
      },
      'is silent when single ones are': {
        series: rising({ bitcoin_reorganisation_depth_blocks_count: 3, bitcoin_reorganisation_depth_blocks_sum: 3 }),
        at: { 105: [], 150: [] },
      },
    },
    FibreHeaderWithoutBlock: {
      'fires for an hour after a header whose block did not come': {
        series: rising({ bitcoin_headers_without_block_total: 1 }),
        at: { 90: [], 105: ['warning paris'], 150: ['warning paris'], 170: [] },
      },
      'is silent where there was none': { series: rising({ bitcoin_headers_without_block_total: 0 }), at: { 150: [] } },
    },
    FibreCompetingBlock: {
      'fires for an hour when there are two blocks at one height': {
        series: rising({ bitcoin_competing_blocks_total: 1 }),
        at: { 90: [], 105: ['info paris'], 150: ['info paris'], 170: [] },
      },
      'is silent where there was none': { series: rising({ bitcoin_competing_blocks_total: 0 }), at: { 150: [] } },
    },
  },
  5,
)
