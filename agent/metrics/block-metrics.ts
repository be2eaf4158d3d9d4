import type { Block } from '../blocks/block.ts'
import { deliveryIn } from '../blocks/facts.ts'
import type { CountedAnnouncement, Milestone } from '../blocks/milestone.ts'
import { coverages, mechanisms, racers } from '../blocks/race.ts'
import type { BlockRecord } from '../blocks/record.ts'
import { announcing } from '../blocks/relay/message.ts'
import { paths } from '../blocks/summary/summary.ts'
import { type MetricDefinition, metricBuilders, type Sample, sample } from './definition.ts'

const { counter, histogram, gauge } = metricBuilders<Block>()

/** Times of messages are those at which the message thread takes them. */
const byMessages = 'by the time at which the message thread took the message'

const headStartBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

const reconstructionResults = {
  compact_block: 'no_round_trip',
  compact_block_round_trip: 'round_trip',
  full_block: 'full_block',
} as const

/** The compact block that took a round trip to become the block. */
const exchangeOf = (block: Block) => {
  const delivery = deliveryIn(block)
  return delivery?.path === 'compact_block_round_trip' ? delivery.exchange : undefined
}

function announcedToConnected({ relay, events }: Block): number | undefined {
  const [announcedNs, connectedNs] = [relay?.announcements[0]?.stampNs, events['validation:block_connected']?.stampNs]
  if (announcedNs === undefined || connectedNs === undefined || announcedNs > connectedNs) return undefined
  return (connectedNs - announcedNs) / 1e9
}

/** Recorded when something becomes known of a block. */
export const blockMetrics = {
  connected: [],
  won: [
    counter('fibre_block_race_wins_total', {
      help: 'Block race wins by mechanism',
      labels: { mechanism: mechanisms },
      measure: ({ winner }) => winner && sample(1, { mechanism: winner }),
    }),
    counter('fibre_block_deliveries_total', {
      help: 'Total blocks delivered by mechanism, and by peer if asked for',
      labels: { mechanism: mechanisms, peer: 'open' },
      measure: ({ winner, events }) => winner && sample(1, { mechanism: winner, peer: events['udp:block_race_winner']?.winnerPeer ?? '' }),
    }),
    gauge('fibre_blocks_since_win', {
      help: 'Blocks with a decided race since that mechanism last won one; counted from the start of the agent',
      labels: { mechanism: racers },
      measure: ({ sinceWin }) => sinceWin && racers.map((mechanism) => sample(sinceWin[mechanism], { mechanism })),
    }),
  ],
  timed: [
    counter('fibre_races_total', {
      help: 'Races by who had started when the block was connected',
      labels: { coverage: coverages },
      measure: ({ race }) => race && sample(1, { coverage: race.coverage }),
    }),
    counter('fibre_races_with_both_total', {
      help: 'Races where both mechanisms participated',
      measure: ({ race }) => race && Number(race.coverage === 'both'),
    }),
    histogram('fibre_block_race_latency_seconds', {
      help: 'First packet of that mechanism to block connected (larger = started earlier)',
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10],
      labels: { mechanism: racers },
      measure: ({ race }) => {
        const samples: Sample[] = []
        if (race?.udpSeconds !== undefined) samples.push(sample(race.udpSeconds, { mechanism: 'fibre_udp' }))
        if (race?.cmpctSeconds !== undefined) samples.push(sample(race.cmpctSeconds, { mechanism: 'bip152_cmpct' }))
        return samples
      },
    }),
    histogram('fibre_race_head_start_seconds', {
      help: 'How much earlier the first mechanism started, in races with both',
      buckets: headStartBuckets,
      labels: { first: racers },
      measure: ({ race }) => (race?.coverage === 'both' ? sample(race.headStartSeconds, { first: race.first }) : undefined),
    }),
    histogram('fibre_race_head_start_at_least_seconds', {
      help: 'How much earlier at least the only mechanism that had started did so: a lower bound',
      buckets: headStartBuckets,
      labels: { first: racers },
      measure: ({ race }) => (race && race.coverage !== 'both' ? sample(race.headStartSeconds, { first: race.first }) : undefined),
    }),
  ],
  decided: [
    histogram('fibre_race_margin_seconds', {
      help: 'Difference of first-packet times in races with both, by winner',
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
      labels: { winner: mechanisms },
      measure: ({ race, winner }) => (race?.coverage === 'both' && winner ? sample(race.headStartSeconds, { winner }) : undefined),
    }),
  ],
  withoutRace: [
    counter('fibre_blocks_without_race_total', {
      help: 'Total connected blocks for which no race was seen',
      measure: () => 1,
    }),
  ],
  competing: [
    counter('bitcoin_competing_blocks_total', {
      help: 'Total blocks at the height of one that was known before',
      measure: () => 1,
    }),
  ],
  overdue: [
    counter('bitcoin_headers_without_block_total', {
      help: 'Total headers whose block had not come a minute after a peer announced them',
      measure: () => 1,
    }),
  ],
  reorganised: [
    counter('bitcoin_reorganisations_total', {
      help: 'Total times that blocks left the active chain for others',
      measure: () => 1,
    }),
    histogram('bitcoin_reorganisation_depth_blocks', {
      help: 'Blocks that left the active chain at once',
      buckets: [1, 2, 3, 6, 10, 100],
      measure: ({ reorganisationDepth }) => reorganisationDepth,
    }),
  ],
  waiting: [],
  measured: [
    histogram('fibre_race_head_start_measured_seconds', {
      help: `How much earlier FIBRE started where the compact block came after the block was connected, ${byMessages}`,
      buckets: [...headStartBuckets, 30, 60],
      labels: { first: ['fibre_udp'] },
      measure: ({ measuredHeadStartSeconds: seconds }) => (seconds === undefined ? undefined : sample(seconds, { first: 'fibre_udp' })),
    }),
  ],
  closed: [
    histogram('bitcoin_block_announced_to_connected_seconds', {
      help: `First announcement by a peer to block connected, ${byMessages}`,
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      measure: announcedToConnected,
    }),
    counter('bitcoin_compact_block_reconstructions_total', {
      help: 'Total blocks that came as compact blocks, by what it took besides: nothing, the transactions that the mempool lacked, or the whole block',
      labels: { result: Object.values(reconstructionResults) },
      measure: (block) => {
        const delivery = deliveryIn(block)
        if (delivery === undefined) return undefined
        const isCompact = delivery.path !== 'full_block' || (block.relay?.firstCompactNs ?? Number.POSITIVE_INFINITY) <= delivery.stampNs
        return isCompact ? sample(1, { result: reconstructionResults[delivery.path] }) : undefined
      },
    }),
    histogram('bitcoin_compact_block_requested_transactions', {
      help: 'Transactions requested for a compact block, where the mempool lacked any',
      buckets: [1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2500, 5000],
      measure: (block) => exchangeOf(block)?.request?.transactions,
    }),
    histogram('bitcoin_compact_block_requested_bytes', {
      help: 'Size of the message that brought the requested transactions',
      buckets: [500, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2e6],
      measure: (block) => exchangeOf(block)?.transactions?.size,
    }),
    histogram('bitcoin_compact_block_round_trip_seconds', {
      help: `Transactions requested to received, ${byMessages}`,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      measure: (block) => {
        const { request, transactions } = exchangeOf(block) ?? {}
        const [fromNs, toNs] = [request?.stampNs, transactions?.stampNs]
        return fromNs !== undefined && toNs !== undefined && toNs >= fromNs ? (toNs - fromNs) / 1e9 : undefined
      },
    }),
  ],
  caughtUp: [
    counter('bitcoin_blocks_caught_up_total', {
      help: 'Total blocks connected that the node had missed, as in the initial download; they count in nothing else that tells how blocks came',
      measure: () => 1,
    }),
  ],
} satisfies Readonly<Record<Milestone, readonly MetricDefinition<Block>[]>>

const records = metricBuilders<BlockRecord>()

/** Recorded of a block's record when it is closed. */
export const recordMetrics = [
  records.counter('bitcoin_blocks_total', {
    help: 'Total connected blocks by the path of their record, counted when that is closed; none of those that the node caught up with',
    labels: { path: paths },
    measure: ({ path, connected_at }) => (connected_at === undefined ? undefined : sample(1, { path })),
  }),
] as const

const announcements = metricBuilders<CountedAnnouncement>()

/** Recorded when a peer announces a block, or is known to have done so: once the block is connected. */
export const announcementMetrics = [
  announcements.counter('bitcoin_block_announcements_total', {
    help: 'Total announcements of connected blocks, the first of each peer, by message',
    labels: { message: announcing },
    measure: ({ message }) => sample(1, { message }),
  }),
  announcements.histogram('bitcoin_block_announcement_lag_seconds', {
    help: `First announcement of a block to that by each further peer, within a minute, ${byMessages}`,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    measure: ({ lagSeconds }) => lagSeconds,
  }),
] as const
