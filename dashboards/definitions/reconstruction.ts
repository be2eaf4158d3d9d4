import { badFrom, goodFrom } from '../colour-steps.ts'
import type { DashboardDefinition } from '../dashboard.ts'
import {
  allFromMempool,
  connectionTime,
  increase,
  mean,
  quantile,
  ratio,
  reconstructedWithin,
  reconstructionTime,
  times,
} from '../expressions.ts'
import { colours, logql, type PanelDefinition, promql, quantileName } from '../panel.ts'
import { meanOf, slowestBlocks } from '../record-tables.ts'
import * as thresholds from '../thresholds.ts'
import { chosen, eachStep } from '../variables.ts'
import { bars, heatmap, stat, windowLines } from '../visualizations.ts'

const { le } = thresholds.objective
const slow = thresholds.reconstruction
const limitText = `${Number(le) * 1000} ms`

const noneReconstructed = 'that no block was reconstructed in this window'
/** For panels that need udp:block_reconstruction_detail, which only newer builds have. */
const noDetail = 'that no block was reconstructed in this window, or that this build of bitcoind lacks udp:block_reconstruction_detail'

export const reconstructionDashboard: DashboardDefinition = {
  uid: 'fibre-reconstruction',
  title: 'FIBRE reconstruction',
  purpose: 'How quickly are blocks reconstructed from chunks and connected, which were slow, and what did they lack?',
  rows: [
    { title: 'Results', panels: resultPanels() },
    { title: 'Reconstruction', panels: reconstructionPanels() },
    { title: 'Mempool', panels: mempoolPanels() },
    { title: 'Connecting', panels: connectionPanels() },
    { title: 'Blocks', panels: [slowestBlocks(25)] },
  ],
}

function resultPanels(): readonly PanelDefinition[] {
  return [
    stat({
      title: 'Blocks reconstructed, $window',
      question: 'How many blocks were reconstructed from FIBRE chunks?',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', times('fibre_blocks_reconstructed_total', chosen))],
      width: 4,
    }),
    stat({
      title: `Reconstruction time, ${quantileName(slow.quantile)}, $window`,
      question: 'How long does it take to reconstruct a block?',
      reading: `From the first header packet to the complete block, as exact as the buckets. An alert fires if it is more than ${slow.slowSeconds} s over ${slow.window}.`,
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 's',
      steps: badFrom(slow.slowSeconds),
      queries: [promql('{{node}}', reconstructionTime(slow.quantile, chosen))],
      width: 4,
    }),
    stat({
      title: 'Reconstruction time, p95, $window',
      question: 'How long does the slowest of twenty blocks take?',
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 's',
      queries: [promql('{{node}}', reconstructionTime(0.95, chosen))],
      width: 4,
    }),
    stat({
      title: `Within ${limitText}, $window`,
      question: 'What share of the reconstructed blocks took no longer than that?',
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 'percentunit',
      decimals: 0,
      steps: goodFrom(thresholds.objective.share),
      queries: [promql('{{node}}', reconstructedWithin(le, chosen))],
      width: 4,
    }),
    stat({
      title: 'All from the mempool, $window',
      question: 'For how many reconstructed blocks did the mempool have every transaction?',
      noData: noDetail,
      empty: 'not reported',
      unit: 'percentunit',
      decimals: 0,
      queries: [promql('{{node}}', allFromMempool(chosen))],
      width: 4,
    }),
    stat({
      title: `Connecting, ${quantileName(thresholds.connection.quantile)}, $window`,
      question: 'Within what time were nine of ten blocks connected to the chain?',
      reading: `It depends on disk, CPU and -dbcache, not on the network. An alert fires if it is more than ${thresholds.connection.slowSeconds} s over ${thresholds.connection.window}.`,
      noData: 'that no block was connected in this window',
      empty: 'no block in this window',
      unit: 's',
      steps: badFrom(thresholds.connection.slowSeconds),
      queries: [promql('{{node}}', connectionTime(thresholds.connection.quantile, chosen))],
      width: 4,
    }),
  ]
}

function reconstructionPanels(): readonly PanelDefinition[] {
  const counted = increase('fibre_block_reconstruction_duration_seconds_count', eachStep)
  const quick = increase('fibre_block_reconstruction_duration_seconds_bucket', eachStep, { le })
  return [
    windowLines({
      title: 'Reconstruction time, over $window',
      question: 'How long does it take from the first header packet to the complete block?',
      reading: `Each point looks back over the whole window. The dashed line is the limit at which the ${quantileName(slow.quantile)} fires an alert.`,
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 's',
      min: 0,
      steps: badFrom(slow.slowSeconds),
      queries: [
        promql('median {{node}}', reconstructionTime(0.5, chosen)),
        promql('p90 {{node}}', reconstructionTime(0.9, chosen)),
        promql('p99 {{node}}', reconstructionTime(0.99, chosen)),
      ],
      width: 12,
    }),
    heatmap({
      title: 'Reconstruction time, spread',
      question: 'How do the times spread, hour by hour?',
      reading: 'All chosen nodes together.',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 's',
      queries: [promql('{{le}}', increase('fibre_block_reconstruction_duration_seconds_bucket', { ...eachStep, by: ['le'] }))],
      width: 12,
    }),
    bars({
      title: `Blocks reconstructed within ${limitText}, and slower`,
      question: 'When were blocks slow?',
      reading: 'All chosen nodes together.',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      series: { slower: colours.low, quick: colours.fibre },
      queries: [promql('quick', quick), promql('slower', `${counted} - ${quick}`)],
      width: 12,
    }),
    windowLines({
      title: `Objective: ${thresholds.objective.share * 100} % within ${limitText}`,
      question: 'Is the objective met?',
      reading: `An alert fires when both the last ${thresholds.objective.long} and the last ${thresholds.objective.short} are below it.`,
      noData: 'that no block was reconstructed in the days before',
      empty: 'no block reconstructed',
      unit: 'percentunit',
      max: 1,
      steps: goodFrom(thresholds.objective.share),
      queries: [
        promql(`${thresholds.objective.long} {{node}}`, reconstructedWithin(le, { ...chosen, window: thresholds.objective.long })),
        promql(`${thresholds.objective.short} {{node}}`, reconstructedWithin(le, { ...chosen, window: thresholds.objective.short })),
      ],
      width: 12,
    }),
  ]
}

function mempoolPanels(): readonly PanelDefinition[] {
  return [
    windowLines({
      title: 'Transactions that were missing, per block, over $window',
      question: 'How many transactions of a block did the mempool lack?',
      reading: 'They have to arrive as chunks: the more there are, the longer a block takes.',
      noData: noDetail,
      empty: 'not reported',
      unit: 'short',
      min: 0,
      queries: [
        promql('mean {{node}}', mean('fibre_block_missing_tx_count', chosen)),
        promql('p90 {{node}}', quantile(0.9, 'fibre_block_missing_tx_count', chosen)),
      ],
      width: 8,
    }),
    windowLines({
      title: 'Bytes that were missing, per block, over $window',
      question: 'How large were the transactions that the mempool lacked?',
      noData: noDetail,
      empty: 'not reported',
      unit: 'decbytes',
      min: 0,
      queries: [
        promql('mean {{node}}', mean('fibre_block_missing_tx_bytes', chosen)),
        promql('p90 {{node}}', quantile(0.9, 'fibre_block_missing_tx_bytes', chosen)),
      ],
      width: 8,
    }),
    windowLines({
      title: 'From the mempool, over $window',
      question: 'What share of transactions did the mempool have, and of how many blocks had it all?',
      noData: noDetail,
      empty: 'not reported',
      unit: 'percentunit',
      min: 0,
      max: 1,
      queries: [
        promql(
          'transactions {{node}}',
          ratio(
            increase('fibre_block_mempool_tx_count_sum', chosen),
            `(${increase('fibre_block_mempool_tx_count_sum', chosen)} + ${increase('fibre_block_missing_tx_count_sum', chosen)})`,
          ),
        ),
        promql('whole blocks {{node}}', allFromMempool(chosen)),
      ],
      width: 8,
    }),
  ]
}

function connectionPanels(): readonly PanelDefinition[] {
  return [
    windowLines({
      title: 'Time to connect a block, over $window',
      question: 'How long does the node take to check a block and make it part of the chain?',
      noData: 'that no block was connected in the window before',
      empty: 'no block in this time',
      unit: 's',
      min: 0,
      steps: badFrom(thresholds.connection.slowSeconds),
      queries: [
        promql('median {{node}}', connectionTime(0.5, chosen)),
        promql(`${quantileName(thresholds.connection.quantile)} {{node}}`, connectionTime(thresholds.connection.quantile, chosen)),
      ],
      width: 8,
    }),
    windowLines({
      title: 'Transactions per block, over $window',
      question: 'How full are the blocks?',
      noData: 'that no block was connected in the window before',
      empty: 'no block in this time',
      unit: 'short',
      min: 0,
      queries: [promql('mean {{node}}', mean('bitcoin_block_tx_count', chosen))],
      width: 8,
    }),
    bars({
      title: 'Where the time goes, mean of each step',
      question: 'How long does a block take from its first header packet on, stage by stage?',
      reading: 'Of blocks that were reconstructed from chunks. Choose one node: the stages of several nodes are stacked on each other.',
      noData: 'that Loki does not receive the journal, or that no block was reconstructed in this time',
      empty: 'no block in the journal',
      unit: 'ms',
      step: '6h',
      queries: [
        logql('reconstructed {{node}}', meanOf('reconstruction_ms', '$__interval')),
        logql('to connected {{node}}', meanOf('reconstructed_to_connected_ms', '$__interval')),
        logql('to winner known {{node}}', meanOf('connected_to_winner_ms', '$__interval')),
      ],
      width: 8,
    }),
  ]
}
