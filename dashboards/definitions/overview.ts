import { badFrom, goodFrom, upOrDown } from '../colour-steps.ts'
import type { DashboardDefinition, Row } from '../dashboard.ts'
import {
  behind,
  blocksSinceWin,
  connectedAgain,
  coverage,
  headStart,
  increase,
  lastBlockAge,
  latest,
  type Over,
  reconstructedWithin,
  reconstructionTime,
  winRate,
} from '../expressions.ts'
import { type Scope, select } from '../names.ts'
import { colours, type PanelDefinition, promql } from '../panel.ts'
import { blocksTable, slowestBlocks } from '../record-tables.ts'
import * as thresholds from '../thresholds.ts'
import { agents, chosen, eachStep } from '../variables.ts'
import { bars, stat, table, windowLines } from '../visualizations.ts'
import { chunkEfficiency } from './chunks.ts'
import { winnersOverTime } from './races.ts'

/** The nodes and window of the overview, and the nodes among which the highest is sought. */
export interface OverviewScope extends Over {
  readonly among?: Scope
}

export const overview: DashboardDefinition = {
  uid: 'fibre-relay', // the older exporter's uid, so that links to its dashboard still work
  title: 'FIBRE overview',
  purpose: 'Is FIBRE helping, how much, does each node keep up, and is it still being measured?',
  rows: [
    ...overviewRows({ ...chosen, among: agents }, [firingAlertsPanel()]),
    { title: 'Blocks', panels: [blocksTable(), slowestBlocks()] },
  ],
}

/** The rows that need only metrics. */
export function overviewRows(scope: OverviewScope, more: readonly PanelDefinition[] = []): readonly Row[] {
  return [
    { title: 'Is FIBRE helping?', panels: benefitPanels(scope) },
    { title: 'Does each node keep up, and is it being measured?', panels: [...nodePanels(scope), ...more] },
    { title: 'Over time', panels: overTimePanels(scope) },
  ]
}

function benefitPanels(over: Over): readonly PanelDefinition[] {
  return [
    stat({
      title: `FIBRE win rate, ${over.window}`,
      question: 'Of the blocks that had a race, how many did FIBRE win?',
      reading: 'It does not cover blocks without a race: read it beside the coverage.',
      noData: 'that no race was decided in this window, or that no agent reports',
      empty: 'no race in this window',
      unit: 'percentunit',
      decimals: 0,
      steps: goodFrom(thresholds.winRate.low),
      queries: [promql('{{node}}', winRate(over))],
      width: 6,
    }),
    stat({
      title: `Race coverage, ${over.window}`,
      question: 'Of all connected blocks, how many had a race, and so count in the win rate?',
      reading: 'Blocks that were mined here, caught up on or received whole have none.',
      noData: 'that no block was connected in this window, or that no agent reports',
      empty: 'no block in this window',
      unit: 'percentunit',
      decimals: 0,
      steps: goodFrom(thresholds.coverage.low),
      queries: [promql('{{node}}', coverage(over))],
      width: 6,
    }),
    stat({
      title: `Head start of FIBRE, median ≥, ${over.window}`,
      question: 'Where FIBRE started first, how much earlier than the compact block was that?',
      reading:
        'At least: where the compact block had not started by the time the block was connected, only a lower bound is known, and the bound counts. As exact as the buckets.',
      noData: 'that FIBRE started no race first in this window',
      empty: 'FIBRE started no race first',
      unit: 's',
      queries: [promql('≥ {{node}}', headStart(0.5, over))],
      width: 6,
    }),
    stat({
      title: 'Blocks since FIBRE won',
      question: 'How many races have been decided since FIBRE last won one?',
      reading: `From ${thresholds.notWinning.blocks} on an alert fires. Blocks that are caught up on or mined here do not count.`,
      noData: 'that no race was decided since the agent started',
      empty: 'no race yet',
      unit: 'none',
      decimals: 0,
      steps: badFrom(thresholds.notWinning.blocks),
      queries: [promql('{{node}}', blocksSinceWin(over))],
      width: 6,
    }),
  ]
}

/** The state of any node. */
export function statePanels(over: OverviewScope, width: number): readonly PanelDefinition[] {
  return [
    stat({
      title: 'bitcoind',
      question: 'Is a bitcoind of each node running, as its agent sees it?',
      noData: 'that no agent reports: nothing is measured',
      empty: 'no agent reports',
      mappings: upOrDown('running', 'not running'),
      queries: [promql('{{node}}', latest('fibre_exporter_target_up', over))],
      width,
    }),
    stat({
      title: 'Height',
      question: 'What is the height of the last block that each node processed?',
      noData: 'that no block came since the agent started',
      empty: 'no block yet',
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', latest('fibre_last_block_height', over))],
      width,
    }),
    stat({
      title: 'Blocks behind',
      question: 'By how many blocks is each node behind the highest that is measured?',
      reading: `From ${thresholds.behind.blocks} on, for long, an alert fires. A single node is never behind.`,
      noData: 'that no block came since the agent started',
      empty: 'no block yet',
      unit: 'none',
      decimals: 0,
      steps: badFrom(thresholds.behind.blocks),
      queries: [promql('{{node}}', behind(over, over.among))],
      width,
    }),
    stat({
      title: 'Last block',
      question: 'How long ago did each node connect a block?',
      reading: 'Blocks come at random: an hour without one happens every two or three days.',
      noData: 'that no block was connected since the agent started',
      empty: 'no block yet',
      unit: 'dtdurations',
      decimals: 1,
      steps: badFrom(thresholds.noBlock.warningSeconds, thresholds.noBlock.criticalSeconds),
      queries: [promql('{{node}}', lastBlockAge(over))],
      width,
    }),
  ]
}

function nodePanels(over: OverviewScope): readonly PanelDefinition[] {
  return [
    ...statePanels(over, 4),
    stat({
      title: `Reconstructed within ${Number(thresholds.objective.le) * 1000} ms, ${over.window}`,
      question: 'Of the blocks that were reconstructed from FIBRE chunks, how many took no longer than that?',
      reading: 'From the first header packet to the complete block.',
      noData: 'that no block was reconstructed in this window',
      empty: 'no block reconstructed',
      unit: 'percentunit',
      decimals: 0,
      steps: goodFrom(thresholds.objective.share),
      queries: [promql('{{node}}', reconstructedWithin(thresholds.objective.le, over))],
      width: 4,
    }),
    chunkEfficiency(over),
  ]
}

function overTimePanels(over: Over): readonly PanelDefinition[] {
  const each = { ...eachStep, scope: over.scope }
  return [
    windowLines({
      title: `FIBRE win rate, over ${over.window}`,
      question: 'How did the share of races that FIBRE wins change?',
      reading: 'Each point looks back over the whole window.',
      noData: 'that no race was decided in the window before',
      empty: 'no race in this time',
      unit: 'percentunit',
      min: 0,
      max: 1,
      steps: goodFrom(thresholds.winRate.low),
      queries: [promql('{{node}}', winRate(over))],
      width: 12,
    }),
    windowLines({
      title: `Race coverage, over ${over.window}`,
      question: 'How did the share of blocks that count in the win rate change?',
      reading: 'Each point looks back over the whole window.',
      noData: 'that no block was connected in the window before',
      empty: 'no block in this time',
      unit: 'percentunit',
      min: 0,
      max: 1,
      steps: goodFrom(thresholds.coverage.low),
      queries: [promql('{{node}}', coverage(over))],
      width: 12,
    }),
    winnersOverTime(each),
    windowLines({
      title: `Head start of FIBRE (≥), over ${over.window}`,
      question: 'Where FIBRE started first, how much earlier was it at least?',
      reading: 'Half of those races had the median or more, one in ten the upper line or more. Lower bounds count at their value.',
      noData: 'that FIBRE started no race first in the window before',
      empty: 'FIBRE started no race first',
      unit: 's',
      min: 0,
      queries: [promql('median ≥ {{node}}', headStart(0.5, over)), promql('p90 ≥ {{node}}', headStart(0.9, over))],
      width: 12,
    }),
    windowLines({
      title: `Reconstruction time, over ${over.window}`,
      question: 'How long does it take from the first header packet to the complete block?',
      noData: 'that no block was reconstructed in the window before',
      empty: 'no block reconstructed',
      unit: 's',
      min: 0,
      queries: [promql('median {{node}}', reconstructionTime(0.5, over)), promql('p95 {{node}}', reconstructionTime(0.95, over))],
      width: 12,
    }),
    bars({
      title: 'Blocks',
      question: 'How many blocks did the nodes connect, reconstruct from chunks and send on?',
      reading: `Six an hour on average. All chosen nodes together. ${connectedAgain}`,
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      stacked: false,
      series: { connected: colours.both, reconstructed: colours.fibre, sent: colours.good },
      queries: [
        promql('connected', increase('bitcoin_blocks_connected_total', each)),
        promql('reconstructed', increase('fibre_blocks_reconstructed_total', each)),
        promql('sent', increase('fibre_blocks_sent_total', each)),
      ],
      width: 12,
    }),
  ]
}

/** Not on the public variant: its labels hold addresses. */
export function firingAlertsPanel(): PanelDefinition {
  return table({
    title: 'Firing alerts',
    question: 'Which alerts fire now?',
    noData: 'that none does, or that the rules are not loaded into this Prometheus',
    empty: 'none fires',
    queries: [
      promql(
        '',
        `max by (alertname, severity, job, node, instance) (${select('ALERTS', { alertstate: 'firing' }, 'alertname=~"Fibre.+"')})`,
      ),
    ],
    transformations: [],
    columns: [
      { field: 'alertname', heading: 'Alert' },
      { field: 'severity', heading: 'Severity', width: 110 },
      { field: 'node', heading: 'Node' },
      { field: 'instance', heading: 'Agent' },
    ],
    width: 24,
    height: 5,
  })
}
