import type { Threshold } from '@grafana/grafana-foundation-sdk/dashboard'
import { badFrom, badIfAny, colouredBy, goodFrom, upOrDown } from '../colour-steps.ts'
import type { DashboardDefinition } from '../dashboard.ts'
import {
  behind,
  blocksSinceWin,
  coverage,
  efficiency,
  headStart,
  increase,
  lastBlockAge,
  latest,
  reconstructionTime,
  winRate,
} from '../expressions.ts'
import { type Scope, select } from '../names.ts'
import { type PanelDefinition, promql, type Query, quantileName } from '../panel.ts'
import * as thresholds from '../thresholds.ts'
import { agents, chosen, nodes } from '../variables.ts'
import { bars, type Column, lines, stat, table, windowLines } from '../visualizations.ts'
import { overview } from './overview.ts'

/** Heights and times of the last block, by node. */
const heights = (scope: Scope) => latest('fibre_last_block_height', { scope })
const connectedAt = (scope: Scope) => latest('fibre_last_block_connected_timestamp_seconds', { scope })

/** Time at which each node that has the highest block connected it. */
const tipConnectedAt = (scope: Scope) => `(${connectedAt(scope)} and ${heights(scope)} == scalar(max(${heights(agents)})))`

const toOverview = {
  id: 'links',
  value: [
    {
      title: 'Overview of this node',
      url: `/d/${overview.uid}?var-node=\${__value.raw}&\${datasource:queryparam}&\${loki:queryparam}&\${job:queryparam}&\${window:queryparam}&\${__url_time_range}`,
    },
  ],
}

export const fleetDashboard: DashboardDefinition = {
  uid: 'fibre-fleet',
  title: 'FIBRE fleet',
  purpose: 'How do the nodes compare, and does one of them need attention?',
  rows: [
    { title: 'All nodes', panels: totalPanels() },
    { title: 'Each node', panels: [nodesTable()] },
    { title: 'Over time', panels: overTimePanels() },
  ],
}

function totalPanels(): readonly PanelDefinition[] {
  const total = (spec: { title: string; question: string; reading?: string; expr: string; steps?: readonly Threshold[] }) => {
    const { expr, ...rest } = spec
    return stat({
      ...rest,
      noData: 'that no agent reports, or that no block came since the agents started',
      empty: 'nothing known',
      unit: 'none',
      decimals: 0,
      queries: [promql('', expr)],
      width: 4,
      height: 4,
    })
  }
  return [
    total({ title: 'Agents', question: 'How many agents report?', expr: `sum(${select('fibre_exporter_up', {}, agents)})` }),
    total({
      title: 'Nodes',
      question: 'How many nodes have a running bitcoind?',
      expr: `sum(${latest('fibre_exporter_target_up', { scope: nodes })})`,
    }),
    total({
      title: 'Nodes without bitcoind',
      question: 'How many measured nodes have no running bitcoind?',
      expr: `count(${latest('fibre_exporter_target_up', { scope: nodes })}) - sum(${latest('fibre_exporter_target_up', { scope: nodes })})`,
      steps: badIfAny,
    }),
    total({ title: 'Height', question: 'What is the greatest height of any node?', expr: `max(${heights(nodes)})` }),
    total({
      title: 'Largest lag',
      question: 'By how many blocks is the slowest node behind the highest?',
      expr: `max(${heights(nodes)}) - min(${heights(nodes)})`,
      steps: badFrom(thresholds.behind.blocks),
    }),
    total({
      title: 'Versions',
      question: 'How many different versions of the agent are running?',
      reading: 'More than one for long means an unfinished upgrade.',
      expr: `count(count by (version) (${select('fibre_exporter_info', {}, agents)}))`,
      steps: badFrom(2),
    }),
  ]
}

/** A column with its own query. */
interface QueryColumn extends Omit<Column, 'field'> {
  readonly expr: string
}

function nodesTable(): PanelDefinition {
  const share = { unit: 'percentunit', decimals: 0, width: 100 }
  const queryColumns: readonly QueryColumn[] = [
    {
      heading: 'bitcoind',
      expr: latest('fibre_exporter_target_up', { scope: nodes }),
      width: 110,
      properties: [{ id: 'mappings', value: upOrDown('running', 'not running') }, ...colouredBy()],
    },
    {
      heading: 'Tracepoints missing',
      expr: `${latest('fibre_exporter_probes_expected', { scope: nodes })} - sum by (job, node) (${select('fibre_exporter_probe_attached', {}, nodes)})`,
      decimals: 0,
      width: 160,
      properties: colouredBy(badIfAny),
    },
    { heading: 'Height', expr: heights(nodes), unit: 'none', decimals: 0, width: 90 },
    {
      heading: 'Behind',
      expr: behind({ scope: nodes }, agents),
      decimals: 0,
      width: 80,
      properties: colouredBy(badFrom(thresholds.behind.blocks)),
    },
    {
      heading: 'Last block',
      expr: lastBlockAge({ scope: nodes }),
      unit: 'dtdurations',
      decimals: 1,
      width: 150,
      properties: colouredBy(badFrom(thresholds.noBlock.warningSeconds, thresholds.noBlock.criticalSeconds)),
    },
    { heading: 'Win rate', expr: winRate(chosen), ...share, properties: colouredBy(goodFrom(thresholds.winRate.low)) },
    { heading: 'Coverage', expr: coverage(chosen), ...share, properties: colouredBy(goodFrom(thresholds.coverage.low)) },
    {
      heading: 'Since a win',
      expr: blocksSinceWin({ scope: nodes }),
      decimals: 0,
      width: 110,
      properties: colouredBy(badFrom(thresholds.notWinning.blocks)),
    },
    { heading: 'Head start ≥', expr: headStart(0.5, chosen), unit: 's', width: 120 },
    {
      heading: `Reconstruction, ${quantileName(thresholds.reconstruction.quantile)}`,
      expr: reconstructionTime(thresholds.reconstruction.quantile, chosen),
      unit: 's',
      width: 170,
      properties: colouredBy(badFrom(thresholds.reconstruction.slowSeconds)),
    },
    { heading: 'Efficiency', expr: efficiency(chosen), ...share },
    { heading: 'Restarts', expr: `round(${increase('fibre_exporter_target_restarts_total', chosen)})`, decimals: 0, width: 90 },
  ]
  const queries: readonly Query[] = queryColumns.map(({ expr }) => promql('', expr))
  const columns = queryColumns.map(({ expr: _, ...column }, index) => ({ ...column, field: `Value #${String.fromCharCode(65 + index)}` }))
  return table({
    title: 'Nodes, $window',
    question: 'What is the state of each node?',
    reading: "Rates, head starts and times cover the window. A node's name links to its overview.",
    noData: 'that no agent reports: nothing is measured',
    empty: 'no agent reports',
    queries,
    transformations: [{ id: 'merge', options: {} }],
    columns: [{ field: 'node', heading: 'Node', properties: [toOverview] }, ...columns],
    width: 24,
    height: 10,
  })
}

function overTimePanels(): readonly PanelDefinition[] {
  return [
    windowLines({
      title: 'FIBRE win rate, over $window',
      question: 'Does FIBRE help one node less than the others?',
      reading: 'Read it beside the coverage. Each point looks back over the whole window.',
      noData: 'that no race was decided in the window before',
      empty: 'no race in this time',
      unit: 'percentunit',
      min: 0,
      max: 1,
      steps: goodFrom(thresholds.winRate.low),
      queries: [promql('{{node}}', winRate(chosen))],
      width: 12,
    }),
    windowLines({
      title: 'Race coverage, over $window',
      question: "What share of each node's blocks counts in its win rate?",
      noData: 'that no block was connected in the window before',
      empty: 'no block in this time',
      unit: 'percentunit',
      min: 0,
      max: 1,
      steps: goodFrom(thresholds.coverage.low),
      queries: [promql('{{node}}', coverage(chosen))],
      width: 12,
    }),
    lines({
      title: 'Blocks behind the highest',
      question: 'When did a node fall behind?',
      noData: 'that no block came since the agents started',
      empty: 'no block yet',
      unit: 'none',
      decimals: 0,
      min: 0,
      steps: badFrom(thresholds.behind.blocks),
      queries: [promql('{{node}}', behind({ scope: nodes }, agents))],
      width: 12,
    }),
    lines({
      title: 'Last block: how much later than the first node',
      question: 'How long after the first of the nodes did each one connect the highest block?',
      reading:
        'Nodes that do not have it yet are left out. It includes the difference between their clocks: see the clock errors on the agents’ dashboard.',
      noData: 'that no block came since the agents started',
      empty: 'no block yet',
      unit: 's',
      min: 0,
      queries: [promql('{{node}}', `${tipConnectedAt(nodes)} - scalar(min(${tipConnectedAt(agents)}))`)],
      width: 12,
    }),
    bars({
      title: 'Races that FIBRE won, by node',
      question: 'To which nodes does FIBRE deliver blocks?',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      stacked: false,
      queries: [
        promql('{{node}}', increase('fibre_block_race_wins_total', { scope: nodes, window: '$__interval' }, { mechanism: 'fibre_udp' })),
      ],
      width: 12,
    }),
    windowLines({
      title: `Reconstruction time, ${quantileName(thresholds.reconstruction.quantile)}, over $window`,
      question: 'Which node is slow?',
      noData: 'that no block was reconstructed in the window before',
      empty: 'no block reconstructed',
      unit: 's',
      min: 0,
      steps: badFrom(thresholds.reconstruction.slowSeconds),
      queries: [promql('{{node}}', reconstructionTime(thresholds.reconstruction.quantile, chosen))],
      width: 12,
    }),
  ]
}
