import type { DashboardDefinition } from '../dashboard.ts'
import { connectedAgain, efficiency, increase, type Over, quantile, ratio, times } from '../expressions.ts'
import { colours, type PanelDefinition, promql } from '../panel.ts'
import { recordsTable } from '../record-tables.ts'
import { chosen, eachStep } from '../variables.ts'
import { bars, heatmap, stat, windowLines } from '../visualizations.ts'

/** Payload of a FIBRE chunk. */
const CHUNK_BYTES = 1152

const reconstructed = (over: Over) => increase('fibre_blocks_reconstructed_total', over)
const received = (over: Over) => increase('fibre_chunks_received_total', over)
const used = (over: Over) => increase('fibre_chunks_used_total', over)
const bytes = (chunks: string) => `${chunks} * ${CHUNK_BYTES}`

const noneReconstructed = 'that no block was reconstructed in this window'

/** Also on the overview. */
export const chunkEfficiency = (over: Over): PanelDefinition =>
  stat({
    title: `Chunk efficiency, ${over.window}`,
    question: 'Of the chunks that were received, how many did the decoder use?',
    reading: 'A well-filled mempool lowers it, because less is needed; so do peers that all send the same block.',
    noData: 'that no chunk was received in this window',
    empty: 'no chunk received',
    unit: 'percentunit',
    decimals: 0,
    queries: [promql('{{node}}', efficiency(over))],
    width: 4,
  })

export const chunksDashboard: DashboardDefinition = {
  uid: 'fibre-chunks',
  title: 'FIBRE chunks and bandwidth',
  purpose: 'What does FIBRE cost: how many chunks arrive, how many are needed, and what is sent on?',
  rows: [
    { title: 'Results', panels: resultPanels() },
    { title: 'Over time', panels: overTimePanels() },
    { title: 'Blocks', panels: [mostChunksPanel()] },
  ],
}

function resultPanels(): readonly PanelDefinition[] {
  return [
    chunkEfficiency(chosen),
    stat({
      title: 'Received per block, $window',
      question: 'How many chunks arrive before a block is complete?',
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', ratio(received(chosen), reconstructed(chosen)))],
      width: 4,
    }),
    stat({
      title: 'Used per block, $window',
      question: 'How many of them does the decoder need?',
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', ratio(used(chosen), reconstructed(chosen)))],
      width: 4,
    }),
    stat({
      title: 'Bytes per block, $window',
      question: 'How much does one block cost to receive?',
      reading: `${CHUNK_BYTES} bytes a chunk, without packet headers and without repeats after the block was complete.`,
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 'decbytes',
      queries: [promql('{{node}}', bytes(ratio(received(chosen), reconstructed(chosen))))],
      width: 4,
    }),
    stat({
      title: 'Received but not needed, $window',
      question: 'How many bytes arrived that the decoder did not need?',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'decbytes',
      queries: [promql('{{node}}', bytes(`(${received(chosen)} - ${used(chosen)})`))],
      width: 4,
    }),
    stat({
      title: 'Blocks sent, $window',
      question: 'How many blocks did the node send on to UDP peers?',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', times('fibre_blocks_sent_total', chosen))],
      width: 4,
    }),
  ]
}

function overTimePanels(): readonly PanelDefinition[] {
  return [
    windowLines({
      title: 'Chunks per block, over $window',
      question: 'How many chunks does a block take, and how many arrive?',
      reading: 'Each point looks back over the whole window.',
      noData: noneReconstructed,
      empty: 'no block reconstructed',
      unit: 'short',
      min: 0,
      queries: [
        promql('received {{node}}', ratio(received(chosen), reconstructed(chosen))),
        promql('used {{node}}', ratio(used(chosen), reconstructed(chosen))),
        promql('used, p90 {{node}}', quantile(0.9, 'fibre_block_chunks_used', chosen)),
      ],
      width: 12,
    }),
    windowLines({
      title: 'Chunk efficiency, over $window',
      question: 'How did the share of chunks that are needed change?',
      noData: 'that no chunk was received in the window before',
      empty: 'no chunk received',
      unit: 'percentunit',
      min: 0,
      max: 1,
      queries: [promql('{{node}}', efficiency(chosen))],
      width: 12,
    }),
    bars({
      title: 'Bytes received',
      question: 'How much arrived, and how much of it was needed?',
      reading: `${CHUNK_BYTES} bytes a chunk. All chosen nodes together.`,
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'decbytes',
      series: { used: colours.fibre, 'not needed': colours.other },
      queries: [promql('used', bytes(used(eachStep))), promql('not needed', bytes(`(${received(eachStep)} - ${used(eachStep)})`))],
      width: 12,
    }),
    heatmap({
      title: 'Chunks used per block, spread',
      question: 'How does the number of chunks that a block takes spread, hour by hour?',
      reading: 'All chosen nodes together.',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      queries: [promql('{{le}}', increase('fibre_block_chunks_used_bucket', { ...eachStep, by: ['le'] }))],
      width: 12,
    }),
    bars({
      title: 'Blocks connected and sent',
      question: 'Does the node send on what it connects?',
      reading: `All chosen nodes together. ${connectedAgain}`,
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      stacked: false,
      series: { connected: colours.both, sent: colours.good },
      queries: [
        promql('connected', increase('bitcoin_blocks_connected_total', eachStep)),
        promql('sent', increase('fibre_blocks_sent_total', eachStep)),
      ],
      width: 12,
    }),
    windowLines({
      title: 'Sent per connected block, over $window',
      question: 'What share of the blocks that it connects does a node send on?',
      reading: 'Above 100 % a node also sent blocks that it did not connect.',
      noData: 'that no block was connected in the window before',
      empty: 'no block in this time',
      unit: 'percentunit',
      min: 0,
      queries: [promql('{{node}}', ratio(increase('fibre_blocks_sent_total', chosen), increase('bitcoin_blocks_connected_total', chosen)))],
      width: 12,
    }),
  ]
}

function mostChunksPanel(): PanelDefinition {
  return recordsTable({
    title: 'Blocks that took the most chunks',
    question: 'Which blocks cost the most, and why?',
    reading: 'Of the newest 5,000 blocks.',
    noData: 'that no block was reconstructed in this time, or that Loki does not receive the journal',
    empty: 'no block reconstructed in this time',
    filter: 'chunks_received!=""',
    largest: 'chunks_received',
    fields: [
      'time',
      'node',
      'height',
      'chunks_received',
      'chunks_used',
      'chunk_peers',
      'missing_transactions',
      'missing_bytes',
      'transactions',
      'reconstruction_ms',
      'pool',
    ],
    rows: 25,
    width: 24,
    height: 11,
  })
}
