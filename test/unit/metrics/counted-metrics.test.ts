import { expect, it } from 'vitest'
import type { ProbeState } from '../../../agent/sources/source.ts'
import type { Total } from '../../../agent/sources/totals.ts'
import { countedTracepoints } from '../../../agent/tracepoints/index.ts'
import { idleSource, openPage } from './page.ts'

/** A page of nodes, of which the source is attached to these tracepoints and has counted this so far. */
async function openCounted(nodes: readonly string[], attached: readonly string[]) {
  const counted: Total[] = []
  const forgotten: string[] = []
  const probes = attached.map((probe): ProbeState => ({ probe, offered: true, attached: true }))
  const source = {
    ...idleSource,
    attach: () => ({ ...idleSource.attach({ node: '', pid: 0, executable: '' }), probes }),
    totals: () => counted,
    forget: (node: string) => void forgotten.push(node),
  }
  const page = await openPage({ nodes, source })
  for (const [i, node] of nodes.entries()) page.nodes.processStarted({ node, pid: i + 1, executable: '/usr/bin/bitcoind' })
  const shown = async () => {
    const scrape = await page.scrape()
    const ofNode = (node: string) => ['', 'vbytes_'].map((what) => scrape.value(`bitcoin_mempool_added_${what}total`, { node }))
    return Object.fromEntries(['a', 'b', 'c'].map((node) => [node, ofNode(node)]))
  }
  return { ...page, counted, forgotten, shown }
}

const total = (node: string, probe: string, more: Partial<Total> = {}): Total => ({
  node,
  probe,
  labels: {},
  count: 1,
  sums: {},
  buckets: [],
  ...more,
})
const added = (node: string, count: number, vsize: number): Total => total(node, 'mempool:added', { count, sums: { vsize, fee: 1 } })

it('shows of each node what was counted, 0 before there is anything, and nothing of a node that is not known', async () => {
  const { counted, shown } = await openCounted(['a', 'b'], ['mempool:added'])
  const none = [undefined, undefined]
  expect(await shown()).toEqual({ a: [0, 0], b: [0, 0], c: none })
  counted.push(added('b', 3, 450), added('c', 1, 140), total('a', 'net:another'))
  expect(await shown()).toEqual({ a: [0, 0], b: [3, 450], c: none })
  counted.splice(0, 1, added('b', 5, 800))
  expect(await shown()).toEqual({ a: [0, 0], b: [5, 800], c: none })
})

it('shows nothing of a tracepoint that a node does not have, and goes on when its process has ended', async () => {
  const { counted, shown, scrape, nodes } = await openCounted(['a', 'b'], ['utxocache:flush'])
  const none = [undefined, undefined]
  expect(await shown()).toEqual({ a: none, b: none, c: none })
  expect((await scrape()).series('bitcoin_utxo_cache_flush_duration_seconds_count')).toHaveLength(2 * 6)
  const flush = total('b', 'utxocache:flush', { labels: { mode: 'periodic' }, sums: { durationUs: 2e6, coins: 7, bytes: 9 } })
  counted.push({ ...flush, count: 2, buckets: [0, 0, 0, 0, 0, 1, 1, ...Array.from({ length: 7 }, () => 0)] })
  for (const [i, node] of ['a', 'b'].entries()) nodes.processExited({ node, pid: i + 1, executable: '/usr/bin/bitcoind' })
  const page = await scrape()
  const name = 'bitcoin_utxo_cache_flush_duration_seconds'
  expect(page.series(`${name}_count`)).toHaveLength(2 * 6)
  expect(page.sum(`${name}_count`)).toBe(2)
  const labels = { node: 'b', mode: 'periodic' }
  expect(['0.5', '1.0', '2.5', '+Inf'].map((le) => page.value(`${name}_bucket`, { ...labels, le }))).toEqual([0, 1, 2, 2])
  expect([page.value(`${name}_sum`, labels), page.value(`${name}_count`, labels)]).toEqual([2, 2])
  expect(page.value('bitcoin_utxo_cache_flushed_coins_total', labels)).toBe(7)
})

it('adds up both directions of messages in one metric', async () => {
  const { counted, scrape } = await openCounted(['a'], ['net:inbound_message', 'net:outbound_message'])
  const labels = { message: 'inv' }
  counted.push(total('a', 'net:inbound_message', { labels, count: 3, sums: { size: 111 } }))
  counted.push(total('a', 'net:outbound_message', { labels, count: 1, sums: { size: 37 } }))
  const page = await scrape()
  const value = (name: string, direction: string) => page.value(name, { direction, message: 'inv' })
  expect([value('bitcoin_messages_total', 'inbound'), value('bitcoin_messages_total', 'outbound')]).toEqual([3, 1])
  expect([value('bitcoin_message_bytes_total', 'inbound'), value('bitcoin_message_bytes_total', 'outbound')]).toEqual([111, 37])
})

it('takes the series of a node off that is forgotten, and has the source forget it', async () => {
  const { nodes, counted, forgotten, shown } = await openCounted(['a', 'b'], ['mempool:added'])
  counted.push(added('a', 1, 110), added('b', 3, 450))
  await shown()
  nodes.processExited({ node: 'b', pid: 2, executable: '/usr/bin/bitcoind' })
  nodes.remove('b')
  expect(forgotten).toEqual(['b'])
  expect(await shown()).toMatchObject({ a: [1, 110], b: [undefined, undefined] })
})

it.each(countedTracepoints)(
  '$probe has the buckets that its metrics have, and values of labels that they declare',
  ({ probe, counted, metrics }) => {
    const { by = {}, sums = [], histogram } = counted ?? {}
    for (const { type, buckets } of metrics) if (type === 'histogram') expect(buckets).toHaveLength(histogram?.bounds.length ?? 0)
    const rows = Object.entries(by).reduce<readonly Record<string, string>[]>(
      (rows, [name, { values }]) => rows.flatMap((row) => [...values, 'other'].map((value) => ({ ...row, [name]: value }))),
      [{}],
    )
    for (const labels of rows) {
      const hits = total('a', probe, { labels, sums: Object.fromEntries(sums.map((name) => [name, 1])) })
      for (const { labels: declared = {}, measure } of metrics) {
        const measured = [measure(hits as never)].flat().map((sample) => (typeof sample === 'object' ? sample.labels : {}))
        for (const shown of measured) for (const [name, value] of Object.entries(shown)) expect(declared[name]).toContain(value)
      }
    }
  },
)
