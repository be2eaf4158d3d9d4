import type { Racer } from '../../agent/blocks/race.ts'
import { badFrom, goodFrom } from '../colour-steps.ts'
import type { DashboardDefinition } from '../dashboard.ts'
import { blocksSinceWin, coverage, headStart, increase, type Over, quantile, races, ratio, times, winRate } from '../expressions.ts'
import { colours, type PanelDefinition, promql } from '../panel.ts'
import { blocksTable } from '../record-tables.ts'
import * as thresholds from '../thresholds.ts'
import { chosen, eachStep } from '../variables.ts'
import { bars, heatmap, lines, stat, table, windowLines } from '../visualizations.ts'

const names = { fibre_udp: 'FIBRE', bip152_cmpct: 'the compact block' } as const satisfies Record<Racer, string>

/** Also on the overview. */
export const winnersOverTime = (each: Over): PanelDefinition =>
  bars({
    title: 'Races by winner',
    question: 'Who delivered the blocks?',
    reading: 'All chosen nodes together.',
    noData: 'that no agent reports',
    empty: 'no agent reports',
    unit: 'none',
    series: { FIBRE: colours.fibre, 'compact block': colours.compact, other: colours.other },
    queries: [
      promql('FIBRE', increase('fibre_block_race_wins_total', each, { mechanism: 'fibre_udp' })),
      promql('compact block', increase('fibre_block_race_wins_total', each, { mechanism: 'bip152_cmpct' })),
      promql('other', increase('fibre_block_race_wins_total', each, { mechanism: 'other' })),
    ],
    width: 12,
  })

export const racesDashboard: DashboardDefinition = {
  uid: 'fibre-races',
  title: 'FIBRE races',
  purpose: 'Who won the races, who started first, how much earlier, and for which blocks did FIBRE not help?',
  rows: [
    { title: 'Results', panels: resultPanels() },
    { title: 'Over time', panels: [winnersOverTime(eachStep), coverageOverTime(), ...ratesOverTime()] },
    {
      title: 'Head starts',
      panels: [
        headStartPanel('fibre_udp'),
        headStartPanel('bip152_cmpct'),
        distributionPanel('fibre_udp'),
        distributionPanel('bip152_cmpct'),
      ],
    },
    {
      title: 'From first packet to connected: how long before the block was connected each one started, not how fast it was',
      panels: [firstPacketPanel('fibre_udp'), firstPacketPanel('bip152_cmpct')],
    },
    { title: 'Blocks and peers', panels: [blocksTable(50), peerPanel()] },
  ],
}

function resultPanels(): readonly PanelDefinition[] {
  const counted = (title: string, question: string, expr: string) =>
    stat({
      title: `${title}, $window`,
      question,
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', expr)],
      width: 4,
    })
  return [
    stat({
      title: 'FIBRE win rate, $window',
      question: 'Of the blocks that had a race, how many did FIBRE win?',
      noData: 'that no race was decided in this window',
      empty: 'no race in this window',
      unit: 'percentunit',
      decimals: 0,
      steps: goodFrom(thresholds.winRate.low),
      queries: [promql('{{node}}', winRate(chosen))],
      width: 4,
    }),
    stat({
      title: 'Race coverage, $window',
      question: 'Of all connected blocks, how many had a race, and so count in the win rate?',
      noData: 'that no block was connected in this window',
      empty: 'no block in this window',
      unit: 'percentunit',
      decimals: 0,
      steps: goodFrom(thresholds.coverage.low),
      queries: [promql('{{node}}', coverage(chosen))],
      width: 4,
    }),
    counted('Races', 'How many races were decided?', `round(${races(chosen)})`),
    counted('Won by FIBRE', 'How many did FIBRE win?', times('fibre_block_race_wins_total', chosen, { mechanism: 'fibre_udp' })),
    counted(
      'Won by compact block',
      'For how many did FIBRE not help?',
      times('fibre_block_race_wins_total', chosen, { mechanism: 'bip152_cmpct' }),
    ),
    stat({
      title: 'Both started, $window',
      question: 'In how many races is the head start exact, because both had started when the block was connected?',
      reading: 'Of all other races only a lower bound is known.',
      noData: 'that no race took place in this window',
      empty: 'no race in this window',
      unit: 'percentunit',
      decimals: 0,
      queries: [
        promql('{{node}}', ratio(increase('fibre_races_total', chosen, { coverage: 'both' }), increase('fibre_races_total', chosen))),
      ],
      width: 4,
    }),
  ]
}

function coverageOverTime(): PanelDefinition {
  return bars({
    title: 'Blocks by who had started',
    question: 'Which mechanisms had started on a block when it was connected?',
    reading: 'FIBRE alone: the block was connected before a compact block arrived. All chosen nodes together.',
    noData: 'that no agent reports',
    empty: 'no agent reports',
    unit: 'none',
    series: { both: colours.both, 'FIBRE alone': colours.fibre, 'compact block alone': colours.compact, 'no race': colours.other },
    queries: [
      promql('both', increase('fibre_races_total', eachStep, { coverage: 'both' })),
      promql('FIBRE alone', increase('fibre_races_total', eachStep, { coverage: 'udp_only' })),
      promql('compact block alone', increase('fibre_races_total', eachStep, { coverage: 'cmpct_only' })),
      promql('no race', increase('fibre_blocks_without_race_total', eachStep)),
    ],
    width: 12,
  })
}

function ratesOverTime(): readonly PanelDefinition[] {
  return [
    windowLines({
      title: 'FIBRE win rate and race coverage, over $window',
      question: 'How did the win rate change, and the share of blocks that count in it?',
      reading: 'Each point looks back over the whole window.',
      noData: 'that no block was connected in the window before',
      empty: 'no block in this time',
      unit: 'percentunit',
      min: 0,
      max: 1,
      queries: [promql('win rate {{node}}', winRate(chosen)), promql('coverage {{node}}', coverage(chosen))],
      width: 12,
    }),
    lines({
      title: 'Blocks since FIBRE won',
      question: 'When did FIBRE go without a win for long?',
      reading: `From ${thresholds.notWinning.blocks} on an alert fires.`,
      noData: 'that no race was decided since the agent started',
      empty: 'no race yet',
      unit: 'none',
      decimals: 0,
      min: 0,
      steps: badFrom(thresholds.notWinning.blocks),
      queries: [promql('{{node}}', blocksSinceWin(chosen))],
      width: 12,
    }),
  ]
}

function headStartPanel(first: Racer): PanelDefinition {
  return windowLines({
    title: `Head start of ${names[first]} (≥), over $window`,
    question: `Where ${names[first]} started first, how much earlier was it at least?`,
    reading:
      'Exact where both had started, else the lower bound that is known; without those, most head starts would be left out. As exact as the buckets.',
    noData: `that ${names[first]} started no race first in the window before`,
    empty: 'started no race first',
    unit: 's',
    min: 0,
    queries: [
      promql('median ≥ {{node}}', headStart(0.5, chosen, first)),
      promql('p90 ≥ {{node}}', headStart(0.9, chosen, first)),
      promql('p99 ≥ {{node}}', headStart(0.99, chosen, first)),
    ],
    width: 12,
  })
}

function distributionPanel(first: Racer): PanelDefinition {
  const each = { ...eachStep, by: ['le'] } as const
  const exact = increase('fibre_race_head_start_seconds_bucket', each, { first })
  const atLeast = increase('fibre_race_head_start_at_least_seconds_bucket', each, { first })
  return heatmap({
    title: `Head starts of ${names[first]} (≥), spread`,
    question: `How do the head starts of ${names[first]} spread, hour by hour?`,
    reading: 'Exact ones and lower bounds together. All chosen nodes together.',
    noData: 'that no agent reports',
    empty: 'no agent reports',
    unit: 's',
    scheme: first === 'fibre_udp' ? 'Blues' : 'Oranges',
    queries: [promql('{{le}}', `${exact} + ${atLeast}`)],
    width: 12,
  })
}

function firstPacketPanel(mechanism: Racer): PanelDefinition {
  const of = (q: number) => quantile(q, 'fibre_block_race_latency_seconds', chosen, { mechanism })
  return windowLines({
    title: `First packet of ${names[mechanism]} to connected, over $window`,
    question: `How long before a block was connected had ${names[mechanism]} brought its first packet?`,
    reading:
      'Larger means that it started earlier. It includes the time that connecting took and is no measure of speed: do not compare the two.',
    noData: `that ${names[mechanism]} brought no packet before a block was connected`,
    empty: 'no packet before a block was connected',
    unit: 's',
    min: 0,
    queries: [promql('median {{node}}', of(0.5)), promql('p95 {{node}}', of(0.95))],
    width: 12,
  })
}

function peerPanel(): PanelDefinition {
  const by = ['job', 'node', 'mechanism', 'peer'] as const
  return table({
    title: 'Deliveries by peer, $window',
    question: 'Which peers delivered the blocks?',
    reading: 'Peers beyond the number in --peer-label are "other". The first delivery of a peer is not counted: its series begins with it.',
    noData: 'that agents name no peers: they do so only with --peer-label',
    empty: 'agents name no peers: --peer-label',
    queries: [promql('', `sort_desc(${times('fibre_block_deliveries_total', { ...chosen, scope: `${chosen.scope}, peer!=""`, by })} > 0)`)],
    transformations: [],
    columns: [
      { field: 'node', heading: 'Node' },
      { field: 'mechanism', heading: 'Came by' },
      { field: 'peer', heading: 'Peer' },
      { field: 'Value', heading: 'Blocks', unit: 'none', decimals: 0 },
    ],
    width: 24,
  })
}
