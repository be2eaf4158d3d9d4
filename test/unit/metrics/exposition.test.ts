import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { metricBuilders, observed } from '../../../agent/metrics/definition.ts'
import { withFloatBounds } from '../../../agent/metrics/otel/metrics-page.ts'
import type { Total } from '../../../agent/sources/totals.ts'
import { countedTracepoints, type TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { need } from '../../harness/needs.ts'
import { promtool } from '../../harness/promtool.ts'
import { BIP152, eventOf, FIBRE } from '../blocks/events.ts'
import { idleSource, openPage } from './page.ts'

/** Three blocks, by every tracepoint: FIBRE alone delivered the first, a compact block the second, and the third was mined. */
const [first, second, third] = ['0a'.repeat(32), '0b'.repeat(32), '0c'.repeat(32)]
const events: readonly TracepointEvent[] = [
  eventOf('udp:block_header_chunk', { hashPrefix: '0a'.repeat(8), queueUs: 10, mapsUs: 20, chunkUs: 30, finishUs: 40 }),
  eventOf('udp:block_coinbase', { blockHash: first, scriptSig: '03a0bb0d' }),
  eventOf('udp:block_reconstructed', {
    blockHash: first,
    peer: '10.0.0.2:8434',
    chunksUsed: 1300,
    chunksReceived: 1400,
    peers: 2,
    durationUs: 43_000,
    height: 900_000,
  }),
  eventOf('udp:block_reconstruction_detail', {
    blockHash: first,
    height: 900_000,
    missingTransactions: 7,
    missingBytes: 250_000,
    mempoolTransactions: 2993,
    transactions: 3001,
    allFromMempool: 0,
  }),
  eventOf('udp:block_send_start', { blockHash: first, startUs: 1_800_000_000_000_000 }),
  eventOf('validation:block_connected', {
    blockHash: first,
    height: 900_000,
    transactions: 3001,
    inputs: 7000,
    sigops: 9000,
    durationNs: 120e6,
    unixSeconds: 1_800_000_000,
  }),
  eventOf('udp:block_race_winner', { blockHash: first, height: 900_000, winner: FIBRE, winnerPeer: '10.0.0.2:8434' }),
  eventOf('udp:block_race_time', {
    blockHash: first,
    height: 900_000,
    udpNs: 165e6,
    udpPeer: '10.0.0.2:8434',
    cmpctNs: -1,
    cmpctPeer: 'n/a',
  }),
  eventOf('validation:block_connected', {
    blockHash: second,
    height: 900_001,
    transactions: 1,
    inputs: 0,
    sigops: 4,
    durationNs: 800_000,
    unixSeconds: 1_800_000_600,
  }),
  eventOf('udp:block_race_winner', { blockHash: second, height: 900_001, winner: BIP152, winnerPeer: 'peer=17' }),
  eventOf('udp:block_race_time', {
    blockHash: second,
    height: 900_001,
    udpNs: 91_700_000,
    udpPeer: '10.0.0.2:8434',
    cmpctNs: 3_700_000,
    cmpctPeer: 'peer=17',
  }),
  eventOf('udp:block_send_start', { blockHash: third, startUs: 1_800_001_200_000_000 }),
  eventOf('validation:block_connected', {
    blockHash: third,
    height: 900_002,
    transactions: 2500,
    inputs: 6000,
    sigops: 8000,
    durationNs: 95e6,
    unixSeconds: 1_800_001_200,
  }),
]

/** The page of one node after these events, with attachments and errors as they may be. */
/** Of all that is counted, one message and two flushes came. */
const totals: readonly Total[] = [
  { node: 'n', probe: 'net:inbound_message', labels: { message: 'inv' }, count: 1, sums: { size: 37 }, buckets: [] },
  {
    node: 'n',
    probe: 'utxocache:flush',
    labels: { mode: 'periodic' },
    count: 2,
    sums: { durationUs: 1_600_000, coins: 300, bytes: 9000 },
    buckets: [0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
  },
]

async function openFullPage() {
  const page = await openPage({ nodes: [], source: { ...idleSource, totals: () => totals } })
  const { nodes, hit } = page
  const node = nodes.add('n')
  const probes = [
    'udp:block_reconstructed',
    'udp:block_send_start',
    'udp:block_race_winner',
    'udp:block_race_time',
    'validation:block_connected',
    ...countedTracepoints.map(({ probe }) => probe),
  ]
  node.processStarted({ node: 'n', pid: 1, executable: '/usr/local/bin/bitcoind' })
  node.attached({
    probes: probes.map((probe) => ({ probe, offered: true, attached: probe !== 'udp:block_send_start' })),
    silentProbes: () => [],
    close: async () => {},
  })
  nodes.lost({ node: 'n', eventType: 'block_connected', lost: 2 })
  hit(...events)
  nodes.tick()
  return page
}

/** Without what is another on each machine and in each run: its name, and how long ago the events were. */
const normalised = (page: string) =>
  page
    .replaceAll(/(?<=host_name=")[^"]*|(?<=service_instance_id=")[^"]*(?=:)/g, 'HOST')
    .replace(/(?<=fibre_exporter_event_delay_seconds_sum\S* ).*/, 'SECONDS')

it('is the page that was reviewed', async () => {
  const { telemetry } = await openFullPage()
  await expect(normalised(await telemetry.exposition())).toMatchFileSnapshot('../../fixtures/scrape.txt')
})

it('has each series once, and the head of each metric once', async () => {
  const { nodes, scrape } = await openFullPage()
  nodes.add('without values yet')
  const { samples, text } = await scrape()
  const series = samples.map(({ name, labels }) => `${name} ${JSON.stringify(Object.entries(labels).toSorted())}`)
  expect(new Set(series).size).toBe(series.length)
  const heads = text
    .split('\n')
    .filter((line) => /^# (HELP|TYPE) /.test(line))
    .map((line) => line.split(' ', 3).join(' '))
  expect(new Set(heads).size).toBe(heads.length)
  expect(heads).toHaveLength(2 * new Set(heads.map((head) => head.split(' ')[2])).size)
})

it('keeps the samples of a metric together, also where one node has values and another not yet', async () => {
  const { nodes, scrape } = await openFullPage()
  nodes.add('without values yet')
  const names = (await scrape()).samples.map(({ name }) => name.replace(/_(bucket|sum|count)$/, ''))
  const runs = names.filter((name, i) => name !== names[i - 1])
  expect(new Set(runs).size).toBe(runs.length)
})

it('gives promtool no cause for complaint', { timeout: 120_000 }, async (context) => {
  const found = await promtool().catch((error: Error) => error)
  need(context, typeof found === 'string', String(found))
  const { telemetry } = await openFullPage()
  const { status, stdout, stderr } = spawnSync(String(found), ['check', 'metrics'], {
    input: await telemetry.exposition(),
    encoding: 'utf8',
  })
  expect({ status, complaints: stdout + stderr }).toEqual({ status: 0, complaints: '' })
})

it.each([
  ['1', '1.0'],
  ['10', '10.0'],
  ['250000', '250000.0'],
  ['999999', '999999.0'],
  ['1000000', '1e+06'],
  ['2500000', '2.5e+06'],
  ['4000000', '4e+06'],
  ['12345678', '1.2345678e+07'],
  ['10000000000', '1e+10'],
  ['0.0005', '0.0005'],
  ['2.5', '2.5'],
  ['+Inf', '+Inf'],
])("writes the bound %s as Prometheus' Python client does: %s", (bound, expected) => {
  expect(withFloatBounds(`a_bucket{le="${bound}"} 1\na_bucket{node="n",le="${bound}"} 1`)).toBe(
    `a_bucket{le="${expected}"} 1\na_bucket{node="n",le="${expected}"} 1`,
  )
})

it('leaves other labels alone', () => {
  const page = 'a{tale="1",title="x,le=\\"5\\""} 1'
  expect(withFloatBounds(page)).toBe(page)
})

it('fails as a whole when a part of it cannot be collected', async () => {
  const { telemetry } = await openPage()
  let isBroken = true
  const fragile = metricBuilders<undefined>().gauge('fragile', { help: 'Fragile', measure: () => 1 })
  telemetry.instruments.observe([observed([fragile], () => [{ subjects: [undefined] }])], async () => {
    if (isBroken) throw new Error('no such file')
  })
  await expect(telemetry.exposition()).rejects.toThrow('some metrics could not be collected')
  isBroken = false
  expect(await telemetry.exposition()).toMatch(/^fragile 1$/m)
})
