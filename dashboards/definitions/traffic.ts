import type { DashboardDefinition } from '../dashboard.ts'
import { increase, mean, type Over, occurring, quantile, ratio, times } from '../expressions.ts'
import type { Label } from '../names.ts'
import { colours, type PanelDefinition, type PanelSpec, promql } from '../panel.ts'
import { chosen, eachStep } from '../variables.ts'
import { bars, stat, windowLines } from '../visualizations.ts'

const by = (...labels: readonly Label[]): Over => ({ ...eachStep, by: labels })

const together = 'All chosen nodes together.'
const noNet = {
  noData:
    'that nothing of the kind happened, or that the group net is not measured: its tracepoints of connections are new in Bitcoin Core 29',
  empty: 'none, or net is not measured',
}
const noMempool = {
  noData: 'that nothing of the kind happened, or that the group mempool is not measured: it is so only with --tracepoints auto,mempool',
  empty: 'none, or mempool is not measured',
}
const noCache = {
  noData: 'that nothing of the kind happened, or that the group utxocache is not measured: it is so only with --tracepoints auto,utxocache',
  empty: 'none, or utxocache is not measured',
}

export const trafficDashboard: DashboardDefinition = {
  uid: 'fibre-traffic',
  title: 'Node traffic',
  purpose: 'What does the node exchange with its peers, and what do mempool and cache of unspent outputs do with it?',
  rows: [
    { title: 'Results', panels: resultPanels() },
    { title: 'Messages', panels: messagePanels() },
    { title: 'Connections', panels: connectionPanels() },
    { title: 'Mempool', panels: mempoolPanels() },
    { title: 'Cache of unspent outputs', panels: cachePanels() },
  ],
}

function resultPanels(): readonly PanelDefinition[] {
  const total = (title: string, question: string, expr: string, more: Pick<PanelSpec, 'noData' | 'empty'>, unit = 'none') =>
    stat({
      title: `${title}, $window`,
      question,
      ...more,
      unit,
      ...(unit === 'none' && { decimals: 0 }),
      queries: [promql('{{node}}', expr)],
      width: 4,
    })
  const messageBytes = (direction: 'inbound' | 'outbound') => increase('bitcoin_message_bytes_total', chosen, { direction })
  return [
    total('Received', 'How many bytes came in messages?', messageBytes('inbound'), noNet, 'decbytes'),
    total('Sent', 'How many bytes were sent in messages?', messageBytes('outbound'), noNet, 'decbytes'),
    total('Peers that connected', 'How many connections did peers open?', times('bitcoin_inbound_connections_total', chosen), noNet),
    total(
      'Evicted',
      'How many of them did the node drop to make room for others?',
      times('bitcoin_inbound_connections_evicted_total', chosen),
      noNet,
    ),
    total(
      'Misbehaviour',
      'How often did a peer break the rules of the protocol?',
      times('bitcoin_misbehaving_connections_total', chosen),
      noNet,
    ),
    total('Transactions added', 'How many transactions entered the mempool?', times('bitcoin_mempool_added_total', chosen), noMempool),
  ]
}

function messagePanels(): readonly PanelDefinition[] {
  const directions = { inbound: 'received', outbound: 'sent' } as const
  return (['inbound', 'outbound'] as const).flatMap((direction) => [
    bars({
      title: `Bytes ${directions[direction]} by message`,
      question: `Which types of messages take the bandwidth that is ${direction === 'inbound' ? 'received' : 'sent'}?`,
      reading: `Payloads, without headers of messages and packets. ${together}`,
      ...noNet,
      unit: 'decbytes',
      queries: [promql('{{message}}', occurring(increase('bitcoin_message_bytes_total', by('message'), { direction })))],
      width: 12,
    }),
    bars({
      title: `Messages ${directions[direction]}`,
      question: `Which types of messages are ${directions[direction]}, and how many?`,
      reading: together,
      ...noNet,
      unit: 'short',
      queries: [promql('{{message}}', occurring(increase('bitcoin_messages_total', by('message'), { direction })))],
      width: 12,
    }),
  ])
}

function connectionPanels(): readonly PanelDefinition[] {
  return [
    bars({
      title: 'Connections opened by peers',
      question: 'From which networks do peers connect?',
      reading: `Onion peers that come through a local Tor show as not publicly routable where bitcoind cannot tell. ${together}`,
      ...noNet,
      unit: 'none',
      queries: [promql('{{network}}', occurring(increase('bitcoin_inbound_connections_total', by('network'))))],
      width: 8,
    }),
    bars({
      title: 'Connections opened by the node',
      question: 'To which networks does the node connect, and what for?',
      reading: `Feelers only try whether an address answers. ${together}`,
      ...noNet,
      unit: 'none',
      queries: [promql('{{type}} {{network}}', occurring(increase('bitcoin_outbound_connections_total', by('type', 'network'))))],
      width: 8,
    }),
    bars({
      title: 'Connections closed',
      question: 'Connections of which type end?',
      reading: together,
      ...noNet,
      unit: 'none',
      queries: [promql('{{type}}', occurring(increase('bitcoin_connections_closed_total', by('type'))))],
      width: 8,
    }),
    bars({
      title: 'Inbound connections evicted',
      question: 'From which networks were the peers that the node dropped to make room for others?',
      reading: `Evictions are usual once all slots are taken. ${together}`,
      ...noNet,
      unit: 'none',
      queries: [promql('{{network}}', occurring(increase('bitcoin_inbound_connections_evicted_total', by('network'))))],
      width: 12,
    }),
    bars({
      title: 'Misbehaviour by reason',
      question: 'Which rules of the protocol did peers break?',
      reading: together,
      ...noNet,
      unit: 'none',
      queries: [promql('{{reason}}', occurring(increase('bitcoin_misbehaving_connections_total', by('reason'))))],
      width: 12,
    }),
  ]
}

function mempoolPanels(): readonly PanelDefinition[] {
  return [
    bars({
      title: 'Transactions of the mempool',
      question: 'How many transactions are added, removed, replaced and rejected?',
      reading: `One that is replaced counts among the removed as well. ${together}`,
      ...noMempool,
      unit: 'short',
      stacked: false,
      series: { added: colours.good, removed: colours.other, replaced: colours.low, rejected: colours.bad },
      queries: [
        promql('added', increase('bitcoin_mempool_added_total', eachStep)),
        promql('removed', increase('bitcoin_mempool_removed_total', eachStep)),
        promql('replaced', increase('bitcoin_mempool_replaced_total', eachStep)),
        promql('rejected', increase('bitcoin_mempool_rejected_total', eachStep)),
      ],
      width: 12,
    }),
    bars({
      title: 'Size added and removed',
      question: 'How large are the transactions that come and go, and why do they go?',
      reading: `In vbytes: a block takes a million of them. ${together}`,
      ...noMempool,
      unit: 'short',
      stacked: false,
      queries: [
        promql('added', increase('bitcoin_mempool_added_vbytes_total', eachStep)),
        promql('removed: {{reason}}', occurring(increase('bitcoin_mempool_removed_vbytes_total', by('reason')))),
      ],
      width: 12,
    }),
    bars({
      title: 'Removed by reason',
      question: 'Why do transactions leave the mempool?',
      reading: together,
      ...noMempool,
      unit: 'short',
      queries: [promql('{{reason}}', occurring(increase('bitcoin_mempool_removed_total', by('reason'))))],
      width: 8,
    }),
    bars({
      title: 'Rejected by reason',
      question: 'Why are transactions not let in?',
      reading: `A transaction that many peers send counts each time that it is tried. ${together}`,
      ...noMempool,
      unit: 'short',
      queries: [promql('{{reason}}', occurring(increase('bitcoin_mempool_rejected_total', by('reason'))))],
      width: 8,
    }),
    windowLines({
      title: 'Fee rate, over $window',
      question: 'What do transactions pay that are added, and those that are mined?',
      reading: 'Mean, in satoshis per vbyte.',
      ...noMempool,
      unit: 'none',
      decimals: 2,
      min: 0,
      queries: [
        promql(
          'added {{node}}',
          ratio(increase('bitcoin_mempool_added_fees_satoshis_total', chosen), increase('bitcoin_mempool_added_vbytes_total', chosen)),
        ),
        promql(
          'mined {{node}}',
          ratio(
            increase('bitcoin_mempool_removed_fees_satoshis_total', chosen, { reason: 'block' }),
            increase('bitcoin_mempool_removed_vbytes_total', chosen, { reason: 'block' }),
          ),
        ),
      ],
      width: 8,
    }),
  ]
}

function cachePanels(): readonly PanelDefinition[] {
  const flushed = (what: 'coins' | 'bytes') =>
    ratio(
      increase(`bitcoin_utxo_cache_flushed_${what}_total`, { ...chosen, by: ['node', 'mode'] }),
      increase('bitcoin_utxo_cache_flush_duration_seconds_count', { ...chosen, by: ['node', 'mode'] }),
    )
  return [
    bars({
      title: 'Coins added, spent and dropped',
      question: 'How many coins do the caches of unspent outputs take in, spend and drop?',
      reading: `Temporary caches count too. ${together}`,
      ...noCache,
      unit: 'short',
      stacked: false,
      series: { added: colours.good, spent: colours.compact, dropped: colours.other },
      queries: [
        promql('added', increase('bitcoin_utxo_cache_added_total', eachStep)),
        promql('spent', increase('bitcoin_utxo_cache_spent_total', eachStep)),
        promql('dropped', increase('bitcoin_utxo_cache_uncached_total', eachStep)),
      ],
      width: 12,
    }),
    bars({
      title: 'Flushes by mode',
      question: 'How often is the cache written to disk, and why?',
      reading: together,
      ...noCache,
      unit: 'none',
      queries: [promql('{{mode}}', occurring(increase('bitcoin_utxo_cache_flush_duration_seconds_count', by('mode'))))],
      width: 12,
    }),
    windowLines({
      title: 'Duration of a flush, over $window',
      question: 'How long does bitcoind stand still while it writes the cache?',
      reading: 'As exact as the buckets.',
      ...noCache,
      unit: 's',
      min: 0,
      queries: [
        promql('mean {{node}}', mean('bitcoin_utxo_cache_flush_duration_seconds', chosen)),
        promql('p90 {{node}}', quantile(0.9, 'bitcoin_utxo_cache_flush_duration_seconds', chosen)),
      ],
      width: 8,
    }),
    windowLines({
      title: 'Coins in a flush, over $window',
      question: 'How many coins are in the cache when it is written?',
      reading: 'Mean of each mode.',
      ...noCache,
      unit: 'short',
      min: 0,
      queries: [promql('{{mode}} {{node}}', flushed('coins'))],
      width: 8,
    }),
    windowLines({
      title: 'Memory of a flush, over $window',
      question: 'How much memory do they take?',
      reading: 'Mean of each mode. `dbcache` bounds it.',
      ...noCache,
      unit: 'bytes',
      min: 0,
      queries: [promql('{{mode}} {{node}}', flushed('bytes'))],
      width: 8,
    }),
  ]
}
