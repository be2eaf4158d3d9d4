import { expect, it } from 'vitest'
import type { DashboardDefinition } from '../../../dashboards/dashboard.ts'
import { relayDashboard } from '../../../dashboards/definitions/relay.ts'
import { trafficDashboard } from '../../../dashboards/definitions/traffic.ts'
import { declaredSeries } from '../../../dashboards/names.ts'
import { namesIn } from './promql.ts'
import { resultAt, type SeriesSet } from './promtool-tests.ts'
import { paris } from './simulated.ts'

/** What each counter rises by in a minute, by its labels: a node whose every figure can be worked out by hand. */
const risesOf = {
  bitcoin_blocks_total: { 'path="fibre_udp"': 3, 'path="compact_block"': 6, 'path="mined_here"': 0 },
  bitcoin_compact_block_reconstructions_total: { 'result="no_round_trip"': 6, 'result="round_trip"': 3, 'result="full_block"': 1 },
  bitcoin_block_announced_to_connected_seconds_bucket: { 'le="0.5"': 0, 'le="1"': 10, 'le="+Inf"': 10 },
  bitcoin_block_announcement_lag_seconds_bucket: { 'le="0.01"': 0, 'le="0.025"': 40, 'le="+Inf"': 40 },
  bitcoin_compact_block_round_trip_seconds_bucket: { 'le="0.05"': 0, 'le="0.1"': 3, 'le="+Inf"': 3 },
  bitcoin_compact_block_requested_transactions_bucket: { 'le="10"': 0, 'le="20"': 3, 'le="+Inf"': 3 },
  bitcoin_compact_block_requested_bytes_bucket: { 'le="1000"': 0, 'le="2500"': 3, 'le="+Inf"': 3 },
  bitcoin_compact_block_requested_bytes_sum: { '': 6000 },
  bitcoin_compact_block_requested_bytes_count: { '': 3 },
  bitcoin_blocks_connected_total: { '': 15 },
  bitcoin_blocks_caught_up_total: { '': 2 },
  bitcoin_block_announcements_total: { 'message="cmpctblock"': 30, 'message="headers"': 20 },
  bitcoin_competing_blocks_total: { '': 4 },
  bitcoin_reorganisations_total: { '': 1 },
  bitcoin_headers_without_block_total: { '': 5 },
  bitcoin_reorganisation_depth_blocks_sum: { '': 2 },
  bitcoin_message_bytes_total: {
    'direction="inbound", message="tx"': 3000,
    'direction="inbound", message="inv"': 1000,
    'direction="inbound", message="pong"': 0,
    'direction="outbound", message="inv"': 500,
  },
  bitcoin_messages_total: {
    'direction="inbound", message="tx"': 12,
    'direction="inbound", message="pong"': 0,
    'direction="outbound", message="inv"': 5,
  },
  bitcoin_inbound_connections_total: { 'network="ipv4"': 3, 'network="onion"': 1, 'network="i2p"': 0 },
  bitcoin_outbound_connections_total: { 'network="ipv6", type="feeler"': 2, 'network="ipv4", type="manual"': 0 },
  bitcoin_connections_closed_total: { 'network="ipv6", type="feeler"': 2, 'network="ipv4", type="feeler"': 1 },
  bitcoin_inbound_connections_evicted_total: { 'network="ipv4"': 2 },
  bitcoin_misbehaving_connections_total: { 'reason="mutated block"': 1, 'reason="other"': 0 },
  bitcoin_mempool_added_total: { '': 10 },
  bitcoin_mempool_added_vbytes_total: { '': 2000 },
  bitcoin_mempool_added_fees_satoshis_total: { '': 5000 },
  bitcoin_mempool_removed_total: { 'reason="block"': 8, 'reason="replaced"': 1 },
  bitcoin_mempool_removed_vbytes_total: { 'reason="block"': 1500, 'reason="expiry"': 0 },
  bitcoin_mempool_removed_fees_satoshis_total: { 'reason="block"': 6000 },
  bitcoin_mempool_replaced_total: { '': 1 },
  bitcoin_mempool_rejected_total: { 'reason="dust"': 4, 'reason="other"': 3 },
  bitcoin_utxo_cache_added_total: { '': 7 },
  bitcoin_utxo_cache_spent_total: { '': 6 },
  bitcoin_utxo_cache_uncached_total: { '': 5 },
  bitcoin_utxo_cache_flush_duration_seconds_bucket: {
    'le="1", mode="periodic"': 0,
    'le="2.5", mode="periodic"': 2,
    'le="+Inf", mode="periodic"': 2,
  },
  bitcoin_utxo_cache_flush_duration_seconds_sum: { 'mode="periodic"': 3 },
  bitcoin_utxo_cache_flush_duration_seconds_count: { 'mode="periodic"': 2, 'mode="none"': 0 },
  bitcoin_utxo_cache_flushed_coins_total: { 'mode="periodic"': 400 },
  bitcoin_utxo_cache_flushed_bytes_total: { 'mode="periodic"': 9000 },
} satisfies Readonly<Record<string, Readonly<Record<string, number>>>>

const node = Object.entries(paris).map(([label, value]) => `${label}="${value}"`)
const series: SeriesSet = Object.fromEntries(
  Object.entries(risesOf).flatMap(([name, rises]) =>
    Object.entries(rises).map(([labels, rise]) => [
      `${name}{${[...node, ...(labels ? [labels] : [])].join(', ')}}`,
      (minute: number) => minute * rise,
    ]),
  ),
)

const MINUTES = 60
/** The window and the step are an hour. */
const expr = (text: string) => text.replaceAll(/\$window|\$__interval/g, '1h').replaceAll(/\$(job|node)/g, '.+')

/** What each query comes to, by panel and legend: one value, or each by the label that the legend shows. */
const figures: Readonly<Record<string, number | Readonly<Record<string, number>>>> = {
  'Without a round trip, $window / {{node}}': 0.6,
  'Announced to connected, median, $window / {{node}}': 0.75,
  'Round trip, median, $window / {{node}}': 0.075,
  'Lag of peers, median, $window / {{node}}': 0.0175,
  'Blocks by how they came / {{path}}': { 'path="fibre_udp"': 3 * MINUTES, 'path="compact_block"': 6 * MINUTES },
  'Without a round trip, over $window / {{node}}': 0.6,
  'Announced to connected, over $window / median {{node}}': 0.75,
  'Announced to connected, over $window / p90 {{node}}': 0.95,
  'Blocks connected and caught up / connected': 15 * MINUTES,
  'Blocks connected and caught up / caught up': 2 * MINUTES,
  'Announcements by message / cmpctblock': 30 * MINUTES,
  'Announcements by message / headers': 20 * MINUTES,
  'Lag of peers, over $window / median {{node}}': 0.0175,
  'Lag of peers, over $window / p90 {{node}}': 0.0235,
  'Lag of peers, spread / {{le}}': { 'le="0.01"': 0, 'le="0.025"': 40 * MINUTES, 'le="+Inf"': 40 * MINUTES },
  'Round trip, over $window / median {{node}}': 0.075,
  'Round trip, over $window / p90 {{node}}': 0.095,
  'Requested transactions per block, over $window / median {{node}}': 15,
  'Requested transactions per block, over $window / p90 {{node}}': 19,
  'Requested bytes per block, over $window / mean {{node}}': 2000,
  'Requested bytes per block, over $window / p90 {{node}}': 2350,
  'Competing blocks and reorganisations / competing blocks': 4 * MINUTES,
  'Competing blocks and reorganisations / reorganisations': MINUTES,
  'Competing blocks and reorganisations / headers without block': 5 * MINUTES,
  'Blocks replaced, $window / {{node}}': 2 * MINUTES,
  'Received, $window / {{node}}': 4000 * MINUTES,
  'Sent, $window / {{node}}': 500 * MINUTES,
  'Peers that connected, $window / {{node}}': 4 * MINUTES,
  'Evicted, $window / {{node}}': 2 * MINUTES,
  'Misbehaviour, $window / {{node}}': MINUTES,
  'Transactions added, $window / {{node}}': 10 * MINUTES,
  'Bytes received by message / {{message}}': { 'message="tx"': 3000 * MINUTES, 'message="inv"': 1000 * MINUTES },
  'Messages received / {{message}}': { 'message="tx"': 12 * MINUTES },
  'Bytes sent by message / {{message}}': { 'message="inv"': 500 * MINUTES },
  'Messages sent / {{message}}': { 'message="inv"': 5 * MINUTES },
  'Connections opened by peers / {{network}}': { 'network="ipv4"': 3 * MINUTES, 'network="onion"': MINUTES },
  'Connections opened by the node / {{type}} {{network}}': { 'network="ipv6", type="feeler"': 2 * MINUTES },
  'Connections closed / {{type}}': { 'type="feeler"': 3 * MINUTES },
  'Inbound connections evicted / {{network}}': { 'network="ipv4"': 2 * MINUTES },
  'Misbehaviour by reason / {{reason}}': { 'reason="mutated block"': MINUTES },
  'Transactions of the mempool / added': 10 * MINUTES,
  'Transactions of the mempool / removed': 9 * MINUTES,
  'Transactions of the mempool / replaced': MINUTES,
  'Transactions of the mempool / rejected': 7 * MINUTES,
  'Size added and removed / added': 2000 * MINUTES,
  'Size added and removed / removed: {{reason}}': { 'reason="block"': 1500 * MINUTES },
  'Removed by reason / {{reason}}': { 'reason="block"': 8 * MINUTES, 'reason="replaced"': MINUTES },
  'Rejected by reason / {{reason}}': { 'reason="dust"': 4 * MINUTES, 'reason="other"': 3 * MINUTES },
  'Fee rate, over $window / added {{node}}': 2.5,
  'Fee rate, over $window / mined {{node}}': 4,
  'Coins added, spent and dropped / added': 7 * MINUTES,
  'Coins added, spent and dropped / spent': 6 * MINUTES,
  'Coins added, spent and dropped / dropped': 5 * MINUTES,
  'Flushes by mode / {{mode}}': { 'mode="periodic"': 2 * MINUTES },
  'Duration of a flush, over $window / mean {{node}}': 1.5,
  'Duration of a flush, over $window / p90 {{node}}': 2.35,
  'Coins in a flush, over $window / {{mode}} {{node}}': 200,
  'Memory of a flush, over $window / {{mode}} {{node}}': 4500,
}

const queriesOf = ({ rows }: DashboardDefinition) =>
  rows.flatMap(({ panels }) =>
    panels.flatMap(({ spec: { title, queries } }) =>
      queries.filter(({ language }) => language === 'promql').map((query) => ({ name: `${title} / ${query.legend}`, ...query })),
    ),
  )
const queries = [...queriesOf(relayDashboard), ...queriesOf(trafficDashboard)]

it('is known what each query has to come to, and every series that it needs is there', () => {
  expect(queries.map(({ name }) => name).sort()).toEqual(Object.keys(figures).sort())
  const asked = new Set(queries.flatMap((query) => namesIn(query.expr).series.map(({ name }) => name)))
  expect(Object.keys(risesOf).sort()).toEqual([...asked].sort())
  for (const name of asked) expect([...declaredSeries.keys()]).toContain(name)
})

it.each(queries)('$name', async (query) => {
  const figure = figures[query.name]
  const labelOf = (labels: string) => labels.slice(1, -1)
  const answer = await resultAt('groups: []', series, expr(query.expr), 90)
  const values = [...answer].map(([labels, value]) => [typeof figure === 'number' ? '' : labelOf(labels), value] as const)
  const expected = typeof figure === 'number' ? { '': figure } : figure
  expect(values.map(([labels]) => labels).sort()).toEqual(Object.keys(expected ?? {}).sort())
  for (const [labels, value] of values) expect(value, labels).toBeCloseTo(expected?.[labels] ?? Number.NaN, 6)
})
