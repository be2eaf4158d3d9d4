import { badFrom, goodFrom } from '../colour-steps.ts'
import type { DashboardDefinition } from '../dashboard.ts'
import { connectedAgain, increase, occurring, quantile, ratio, times, withoutRoundTrip } from '../expressions.ts'
import { colours, type PanelDefinition, promql } from '../panel.ts'
import { paths } from '../paths.ts'
import { relayTable } from '../record-tables.ts'
import * as thresholds from '../thresholds.ts'
import { chosen, eachStep } from '../variables.ts'
import { bars, heatmap, stat, windowLines } from '../visualizations.ts'

const atMessageThread = "As all times of messages, it is when bitcoind's message thread took them."
const noMessages = 'that no block came by messages in this window, or that the tracepoints of messages are not measured'

const announcedToConnected = (q: number) => quantile(q, 'bitcoin_block_announced_to_connected_seconds', chosen)
const peersLag = (q: number) => quantile(q, 'bitcoin_block_announcement_lag_seconds', chosen)
const roundTrip = (q: number) => quantile(q, 'bitcoin_compact_block_round_trip_seconds', chosen)

/** Also on the overview of nodes. */
export const withoutRoundTripStat = (width: number): PanelDefinition =>
  stat({
    title: 'Without a round trip, $window',
    question: 'Of the blocks that came as compact blocks, how many could be reconstructed from the mempool alone?',
    reading: 'The others wait for the transactions that the mempool lacked. Blocks that FIBRE brought do not count.',
    noData: noMessages,
    empty: 'no compact block',
    unit: 'percentunit',
    decimals: 0,
    steps: goodFrom(thresholds.roundTrips.low),
    queries: [promql('{{node}}', withoutRoundTrip(chosen))],
    width,
  })

/** Also on the overview of nodes. */
export const announcedToConnectedStat = (width: number): PanelDefinition =>
  stat({
    title: 'Announced to connected, median, $window',
    question: 'How long after the first peer announced a block was it part of the chain?',
    reading: atMessageThread,
    noData: noMessages,
    empty: 'no block announced',
    unit: 's',
    steps: badFrom(thresholds.announced.slowSeconds),
    queries: [promql('{{node}}', announcedToConnected(thresholds.announced.quantile))],
    width,
  })

export const relayDashboard: DashboardDefinition = {
  uid: 'fibre-block-relay',
  title: 'Block relay',
  purpose: 'How do blocks reach the node, with FIBRE and without: who announces them, what has to be asked for, and how long does it take?',
  rows: [
    { title: 'Results', panels: resultPanels() },
    { title: 'How blocks came', panels: pathPanels() },
    { title: 'Announcements', panels: announcementPanels() },
    { title: 'Requested transactions', panels: requestPanels() },
    { title: 'Competing blocks', panels: chainPanels() },
    { title: 'Blocks', panels: [relayTable()] },
  ],
}

function resultPanels(): readonly PanelDefinition[] {
  return [
    withoutRoundTripStat(6),
    announcedToConnectedStat(6),
    stat({
      title: 'Round trip, median, $window',
      question: 'How long did the node wait for the transactions that it requested?',
      noData: 'that no transactions were requested for a compact block in this window',
      empty: 'nothing requested',
      unit: 's',
      queries: [promql('{{node}}', roundTrip(0.5))],
      width: 6,
    }),
    stat({
      title: 'Lag of peers, median, $window',
      question: 'How long after the first peer did each further one announce a block?',
      reading: atMessageThread,
      noData: 'that no block was announced by a second peer in this window',
      empty: 'no second announcement',
      unit: 's',
      queries: [promql('{{node}}', peersLag(0.5))],
      width: 6,
    }),
  ]
}

/** Also on the overview of nodes. */
export function pathPanels(): readonly PanelDefinition[] {
  return [
    bars({
      title: 'Blocks by how they came',
      question:
        'Which blocks came by FIBRE, which as compact blocks, with a round trip or without, which whole, and which were mined here?',
      reading:
        'By the paths of their records. Where messages are not measured, "compact block" stands for all that came so, and "no race" for those that were mined here or came whole. A path by which none came is not shown. All chosen nodes together.',
      noData: 'that no block came, or that no agent reports',
      empty: 'no block',
      unit: 'none',
      values: paths,
      queries: [promql('{{path}}', occurring(increase('bitcoin_blocks_total', { ...eachStep, by: ['path'] })))],
      width: 12,
    }),
    windowLines({
      title: 'Without a round trip, over $window',
      question: 'How did the share of compact blocks that the mempool alone completes change?',
      reading: 'Each point looks back over the whole window.',
      noData: noMessages,
      empty: 'no compact block',
      unit: 'percentunit',
      min: 0,
      max: 1,
      steps: goodFrom(thresholds.roundTrips.low),
      queries: [promql('{{node}}', withoutRoundTrip(chosen))],
      width: 12,
    }),
    windowLines({
      title: 'Announced to connected, over $window',
      question: 'How long after the first peer announced a block was it part of the chain?',
      reading: `It includes the time that connecting took. ${atMessageThread}`,
      noData: noMessages,
      empty: 'no block announced',
      unit: 's',
      min: 0,
      steps: badFrom(thresholds.announced.slowSeconds),
      queries: [promql('median {{node}}', announcedToConnected(0.5)), promql('p90 {{node}}', announcedToConnected(0.9))],
      width: 12,
    }),
    bars({
      title: 'Blocks connected and caught up',
      question: 'Which blocks were news, and which did the node only catch up with?',
      reading: `Blocks that are caught up with, as in the initial download, count in nothing else here. All chosen nodes together. ${connectedAgain}`,
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      stacked: false,
      series: { connected: colours.both, 'caught up': colours.other },
      queries: [
        promql('connected', increase('bitcoin_blocks_connected_total', eachStep)),
        promql('caught up', increase('bitcoin_blocks_caught_up_total', eachStep)),
      ],
      width: 12,
    }),
  ]
}

function announcementPanels(): readonly PanelDefinition[] {
  return [
    bars({
      title: 'Announcements by message',
      question: 'By which message do peers announce blocks?',
      reading: 'The first of each peer. Those by cmpctblock bring the block along. All chosen nodes together.',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      series: { cmpctblock: colours.compact, headers: colours.other },
      queries: [
        promql('cmpctblock', increase('bitcoin_block_announcements_total', eachStep, { message: 'cmpctblock' })),
        promql('headers', increase('bitcoin_block_announcements_total', eachStep, { message: 'headers' })),
      ],
      width: 8,
    }),
    windowLines({
      title: 'Lag of peers, over $window',
      question: 'How long after the first peer did each further one announce a block?',
      reading: 'Peers that announced it within a minute.',
      noData: 'that no block was announced by a second peer in the window before',
      empty: 'no second announcement',
      unit: 's',
      min: 0,
      queries: [promql('median {{node}}', peersLag(0.5)), promql('p90 {{node}}', peersLag(0.9))],
      width: 8,
    }),
    heatmap({
      title: 'Lag of peers, spread',
      question: 'How do the lags spread, hour by hour?',
      reading: 'All chosen nodes together.',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 's',
      scheme: 'Purples',
      queries: [promql('{{le}}', increase('bitcoin_block_announcement_lag_seconds_bucket', { ...eachStep, by: ['le'] }))],
      width: 8,
    }),
  ]
}

function requestPanels(): readonly PanelDefinition[] {
  const nothingRequested = 'that no transactions were requested for a compact block in the window before'
  return [
    windowLines({
      title: 'Round trip, over $window',
      question: 'How long did the node wait for the transactions that it requested?',
      noData: nothingRequested,
      empty: 'nothing requested',
      unit: 's',
      min: 0,
      queries: [promql('median {{node}}', roundTrip(0.5)), promql('p90 {{node}}', roundTrip(0.9))],
      width: 8,
    }),
    windowLines({
      title: 'Requested transactions per block, over $window',
      question: 'Where the mempool lacked transactions of a block, how many?',
      reading: 'Only blocks that took a round trip.',
      noData: nothingRequested,
      empty: 'nothing requested',
      unit: 'short',
      min: 0,
      queries: [
        promql('median {{node}}', quantile(0.5, 'bitcoin_compact_block_requested_transactions', chosen)),
        promql('p90 {{node}}', quantile(0.9, 'bitcoin_compact_block_requested_transactions', chosen)),
      ],
      width: 8,
    }),
    windowLines({
      title: 'Requested bytes per block, over $window',
      question: 'How large were the messages that brought them?',
      reading: 'Only blocks that took a round trip.',
      noData: nothingRequested,
      empty: 'nothing requested',
      unit: 'decbytes',
      min: 0,
      queries: [
        promql(
          'mean {{node}}',
          ratio(
            increase('bitcoin_compact_block_requested_bytes_sum', chosen),
            increase('bitcoin_compact_block_requested_bytes_count', chosen),
          ),
        ),
        promql('p90 {{node}}', quantile(0.9, 'bitcoin_compact_block_requested_bytes', chosen)),
      ],
      width: 8,
    }),
  ]
}

function chainPanels(): readonly PanelDefinition[] {
  return [
    bars({
      title: 'Competing blocks and reorganisations',
      question: 'When were there two blocks at one height, and when did the chain change to another?',
      reading: 'All chosen nodes together.',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      stacked: false,
      series: { 'competing blocks': colours.low, reorganisations: colours.bad, 'headers without block': colours.other },
      queries: [
        promql('competing blocks', increase('bitcoin_competing_blocks_total', eachStep)),
        promql('reorganisations', increase('bitcoin_reorganisations_total', eachStep)),
        promql('headers without block', increase('bitcoin_headers_without_block_total', eachStep)),
      ],
      width: 18,
    }),
    stat({
      title: 'Blocks replaced, $window',
      question: 'How many blocks left the active chain?',
      reading: 'Two or more at once set off an alert.',
      noData: 'that no agent reports',
      empty: 'no agent reports',
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', times('bitcoin_reorganisation_depth_blocks_sum', chosen))],
      width: 6,
      height: 8,
    }),
  ]
}
