import { expect, it } from 'vitest'
import type { Target } from '../../../agent/bitcoind/watch.ts'
import type { MetricDefinition } from '../../../agent/metrics/definition.ts'
import { metricsOfAgent, metricsOfNodes } from '../../../agent/metrics/index.ts'
import type { Attachment } from '../../../agent/sources/source.ts'
import { eventOf, tracepointOf } from '../blocks/events.ts'
import { openPage } from './page.ts'

const target = (node: string, pid: number): Target => ({
  node,
  pid,
  parent: 1,
  startTicks: pid,
  executable: '/usr/local/bin/bitcoind',
  identity: '1:1',
  dataDirectory: '/',
  chainDirectory: '/',
  uid: 0,
})

it('tells of each node whether a bitcoind runs, and how often another took its place', async () => {
  const { nodes, scrape } = await openPage({ nodes: ['a', 'b'] })
  const state = async () => {
    const page = await scrape()
    const of = (node: string) => [
      page.value('fibre_exporter_target_up', { node }),
      page.value('fibre_exporter_target_restarts_total', { node }),
    ]
    return { a: of('a'), b: of('b'), running: page.value('fibre_exporter_targets') }
  }
  expect(await state()).toEqual({ a: [0, 0], b: [0, 0], running: 0 })
  nodes.processStarted(target('a', 1))
  nodes.processStarted(target('b', 2))
  expect(await state()).toEqual({ a: [1, 0], b: [1, 0], running: 2 })
  nodes.processExited(target('a', 1))
  expect(await state()).toEqual({ a: [0, 0], b: [1, 0], running: 1 })
  nodes.processStarted(target('a', 3))
  expect(await state()).toEqual({ a: [1, 1], b: [1, 0], running: 2 })
})

const attachment = (...probes: readonly string[]): Attachment => ({
  probes: probes.map((probe) => ({ probe, offered: true, attached: true })),
  silentProbes: () => [],
  close: async () => {},
})

it('sums probes over all nodes, and tells of each which it expects', async () => {
  const { nodes, scrape } = await openPage({ nodes: ['a', 'b'] })
  nodes.add('a').attached(attachment('udp:block_race_time', 'udp:block_coinbase'))
  nodes.add('b').attached(attachment('udp:block_race_time'))
  const page = await scrape()
  expect(page.value('fibre_exporter_probes_attached')).toBe(3)
  expect(page.series('fibre_exporter_probes_expected').map(({ value }) => value)).toEqual([6, 5])
  expect(page.value('fibre_exporter_probe_attached', { node: 'a', provider: 'udp', probe: 'block_coinbase' })).toBe(1)
  expect(page.value('fibre_exporter_probe_attached', { node: 'b', provider: 'udp', probe: 'block_race_winner' })).toBe(0)
  expect(page.series('fibre_exporter_probe_attached', { node: 'b', probe: 'block_coinbase' })).toEqual([])
})

it('has each probe of a node that is down at 0, and none that its next executable does not offer', async () => {
  const { nodes, scrape } = await openPage({ nodes: ['a'] })
  const state = async () => {
    const page = await scrape()
    const optional = page.series('fibre_exporter_probe_attached', { probe: 'block_coinbase' }).map(({ value }) => value)
    const sum = page.sum('fibre_exporter_probe_attached')
    return { optional, sum, expected: page.value('fibre_exporter_probes_expected'), attached: page.value('fibre_exporter_probes_attached') }
  }
  nodes.processStarted(target('a', 1))
  nodes.add('a').attached(attachment('udp:block_race_time', 'udp:block_coinbase'))
  expect(await state()).toEqual({ optional: [1], sum: 2, expected: 6, attached: 2 })
  nodes.processExited(target('a', 1))
  expect(await state()).toEqual({ optional: [0], sum: 0, expected: 6, attached: 0 })
  nodes.processStarted(target('a', 2))
  nodes.add('a').attached(attachment('udp:block_race_time'))
  expect(await state()).toEqual({ optional: [], sum: 1, expected: 5, attached: 1 })
})

it('counts fields that could not be read, events that were lost, and errors', async () => {
  const { nodes, scrape } = await openPage({ nodes: ['a', 'b'] })
  const event = eventOf('udp:block_reconstructed', { node: 'b' })
  for (let i = 0; i < 2; i++) nodes.event(event, tracepointOf(event.probe), ['peer'])
  nodes.lost({ node: 'b', eventType: 'race_time', lost: 7 })
  nodes.error(new Error('odd event'))
  const counters = /^fibre_exporter_(field_errors|events_lost|errors|events_processed)_total$/
  const counted = (await scrape()).samples.filter(({ name, value }) => counters.test(name) && value !== 0)
  expect(counted).toEqual([
    { name: 'fibre_exporter_events_processed_total', labels: { event_type: 'block_reconstructed' }, value: 2 },
    { name: 'fibre_exporter_errors_total', labels: { error_type: 'event_processing' }, value: 1 },
    { name: 'fibre_exporter_events_lost_total', labels: { node: 'b', event_type: 'race_time' }, value: 7 },
    { name: 'fibre_exporter_field_errors_total', labels: { node: 'b', event_type: 'block_reconstructed', field: 'peer' }, value: 2 },
  ])
})

it('says nothing that it does not know', async () => {
  const { scrape } = await openPage()
  const { samples } = await scrape()
  const gauges = ['fibre_last_block_height', 'fibre_last_block_connected_timestamp_seconds', 'fibre_blocks_since_win']
  expect(samples.filter(({ name }) => gauges.includes(name))).toEqual([])
})

it('has the labels that its definitions declare', async () => {
  const { scrape } = await openPage({ nodes: ['a'] })
  const page = await scrape()
  const labelsOf = (definition: MetricDefinition<never>) => [
    ...(metricsOfNodes.has(definition) ? ['node'] : []),
    ...Object.entries(definition.labels ?? {}).flatMap(([label, values]) => (values === 'open' ? [] : [label])),
    ...(definition.type === 'histogram' ? ['le'] : []),
  ]
  for (const definition of [...metricsOfNodes, ...metricsOfAgent])
    for (const { name, labels } of page.series(definition.type === 'histogram' ? `${definition.name}_bucket` : definition.name))
      expect([name, Object.keys(labels).sort()]).toEqual([name, labelsOf(definition).sort()])
})
