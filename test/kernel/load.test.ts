import { beforeEach, expect, it } from 'vitest'
import { type CoreProbe, startDemoNode, type Totals } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import type { Scrape } from '../harness/scrape.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const SECONDS = 2
const RATES = { messages: 80_000, mempool: 40_000, utxo: 80_000 }

type Labels = Readonly<Record<string, string>>
/** A metric, the tracepoint and what is added up of it, and the label that its text or number becomes. */
type Counted = readonly [metric: string, probe: CoreProbe, sum: string, label?: string, fixed?: Labels]

const inbound = { direction: 'inbound' }
const outbound = { direction: 'outbound' }
const counted: readonly Counted[] = [
  ['bitcoin_messages_total', 'net:inbound_message', 'hits', 'message', inbound],
  ['bitcoin_message_bytes_total', 'net:inbound_message', 'size', 'message', inbound],
  ['bitcoin_messages_total', 'net:outbound_message', 'hits', 'message', outbound],
  ['bitcoin_message_bytes_total', 'net:outbound_message', 'size', 'message', outbound],
  ['bitcoin_inbound_connections_total', 'net:inbound_connection', 'hits'],
  ['bitcoin_outbound_connections_total', 'net:outbound_connection', 'hits'],
  ['bitcoin_inbound_connections_evicted_total', 'net:evicted_inbound_connection', 'hits'],
  ['bitcoin_connections_closed_total', 'net:closed_connection', 'hits'],
  ['bitcoin_misbehaving_connections_total', 'net:misbehaving_connection', 'hits', 'reason'],
  ['bitcoin_mempool_added_total', 'mempool:added', 'hits'],
  ['bitcoin_mempool_added_vbytes_total', 'mempool:added', 'vsize'],
  ['bitcoin_mempool_added_fees_satoshis_total', 'mempool:added', 'fee'],
  ['bitcoin_mempool_removed_total', 'mempool:removed', 'hits', 'reason'],
  ['bitcoin_mempool_removed_vbytes_total', 'mempool:removed', 'vsize', 'reason'],
  ['bitcoin_mempool_removed_fees_satoshis_total', 'mempool:removed', 'fee', 'reason'],
  ['bitcoin_mempool_replaced_total', 'mempool:replaced', 'hits'],
  ['bitcoin_mempool_replaced_vbytes_total', 'mempool:replaced', 'vsize'],
  ['bitcoin_mempool_replaced_fees_satoshis_total', 'mempool:replaced', 'fee'],
  ['bitcoin_mempool_rejected_total', 'mempool:rejected', 'hits', 'reason'],
  ['bitcoin_utxo_cache_added_total', 'utxocache:add', 'hits'],
  ['bitcoin_utxo_cache_spent_total', 'utxocache:spent', 'hits'],
  ['bitcoin_utxo_cache_uncached_total', 'utxocache:uncache', 'hits'],
  ['bitcoin_utxo_cache_flush_duration_seconds_count', 'utxocache:flush', 'hits', 'mode'],
  ['bitcoin_utxo_cache_flushed_coins_total', 'utxocache:flush', 'coins', 'mode'],
  ['bitcoin_utxo_cache_flushed_bytes_total', 'utxocache:flush', 'bytes', 'mode'],
]
const modes = ['none', 'if_needed', 'periodic', 'force_flush', 'force_sync']

it('200,000 hits a second are on the page, each under its label, as the node says', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAgentProcess({ args: ['--pid', String(node.pid), '--tracepoints', 'all'] })
  await agent.logged(({ msg }) => msg === 'attached to bitcoind')
  const rates = Object.entries(RATES).map(([load, rate]) => `${load}=${rate}`)
  const { totals } = await node.command(`load ${SECONDS} ${rates.join(' ')}`)
  const hits = Object.values(totals).flatMap((byLabel) => Object.values(byLabel).map(({ hits = 0 }) => hits))
  expect(hits.reduce((sum, one) => sum + one)).toBeGreaterThan(100_000 * SECONDS)

  let page = await agent.scrape()
  const seen = () => page.sum('bitcoin_utxo_cache_added_total') + page.sum('bitcoin_messages_total', inbound)
  const fired = sumOf(totals, 'utxocache:add', 'hits') + sumOf(totals, 'net:inbound_message', 'hits')
  await until(async () => {
    page = await agent.scrape()
    return seen() >= fired
  }, 'the last hits')
  for (const one of counted) expect(shown(page, one), one[0]).toEqual(expected(page, totals, one))
  expect(page.sum('fibre_exporter_field_errors_total')).toBe(0)
})

const sumOf = (totals: Totals['totals'], probe: CoreProbe, sum: string) =>
  Object.values(totals[probe]).reduce((total, sums) => total + (sums[sum] ?? 0), 0)

/** Values that are not 0, by label. */
const shown = (page: Scrape, [metric, , , label, fixed]: Counted) =>
  label === undefined
    ? { '': page.sum(metric, fixed) }
    : Object.fromEntries(page.series(metric, fixed).flatMap(({ labels, value }) => (value === 0 ? [] : [[labels[label], value]])))

/** What the node fired; a text that the page has no label for counts as another. */
function expected(page: Scrape, totals: Totals['totals'], [metric, probe, sum, label, fixed]: Counted) {
  if (label === undefined) return { '': sumOf(totals, probe, sum) }
  const known = page.series(metric, fixed).map(({ labels }) => String(labels[label]))
  const byLabel: Record<string, number> = {}
  for (const [text, sums] of Object.entries(totals[probe])) {
    const name = probe === 'utxocache:flush' ? modes[Number(text)] : text
    const shownAs = known.find((one) => one === name) ?? known.find((one) => name?.startsWith(`${one} `)) ?? 'other'
    byLabel[shownAs] = (byLabel[shownAs] ?? 0) + (sums[sum] ?? 0)
  }
  return byLabel
}
