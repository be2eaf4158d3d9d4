import type { Block } from '../blocks/block.ts'
import type { Milestone } from '../blocks/blocks.ts'
import { coverages, mechanisms, racers } from '../blocks/race.ts'
import { type MetricDefinition, metricBuilders, type Sample, sample } from './definition.ts'

const { counter, histogram, gauge } = metricBuilders<Block>()

const headStartBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

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
  closed: [],
} satisfies Readonly<Record<Milestone, readonly MetricDefinition<Block>[]>>
