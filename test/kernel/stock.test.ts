import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { compileDemoNode } from '../demo-node/compile.ts'
import { type DemoNode, fire, startDemoNode } from '../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import type { Scrape } from '../harness/scrape.ts'
import { readiness, readinessJson } from '../harness/stage.ts'
import { temporaryDirectory } from '../harness/temporary.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

/** Starts an agent that is attached to a node of that version of Bitcoin Core; 32 has what is proposed for it. */
async function startBoth(version: number, groups: string) {
  const binary = compileDemoNode(join(temporaryDirectory(), 'bitcoind'), '-DSTOCK', `-DCORE=${version}`)
  const node = await startDemoNode({ binary, args: ['--control'] })
  const agent = await startAgentProcess({ args: ['--bitcoind', binary, '--tracepoints', groups] })
  await agent.logged(({ msg, pid }) => msg === 'attached to bitcoind' && pid === node.pid)
  return { node, agent, binary }
}

async function pageWhen(agent: AgentProcess, name: string, value: number): Promise<Scrape> {
  let page = await agent.scrape()
  await until(async () => {
    page = await agent.scrape()
    return page.sum(name) === value
  }, `${name} to be ${value}`)
  return page
}

/** Values that are not 0 of the metrics whose names begin like that. */
const valuesOf = (page: Scrape, start: string) =>
  Object.fromEntries(
    page.samples
      .filter(({ name, value, labels }) => name.startsWith(start) && value !== 0 && labels.le === undefined)
      .map(({ name, labels: { node: _, ...labels }, value }) => [[name.slice(start.length), ...Object.values(labels)].join(' '), value]),
  )

/** What nodes of every version fire. */
async function fireCommon(node: DemoNode): Promise<void> {
  await fire(node, 'net:inbound_message', { message: 'inv', size: 37 }, { message: 'inv', size: 73 }, { message: 'madeup', size: 1 })
  await fire(node, 'net:inbound_message', { message: 'cmpctblock', size: 13_000 })
  await fire(node, 'net:outbound_message', { message: 'getblocktxn', size: 40 })
  await fire(node, 'utxocache:add', { value: 5 }, { value: 5 })
  await fire(node, 'utxocache:spent', { value: 5 })
  await fire(node, 'utxocache:uncache', { value: 5 })
  await fire(node, 'utxocache:flush', { duration_us: 1_500_000, mode: 3, coins: 100, bytes: 7000 })
  await fire(node, 'utxocache:flush', { duration_us: -7, mode: 2, coins: 10, bytes: 700 })
}

/** What came with Bitcoin Core 25. */
async function fireMempool(node: DemoNode): Promise<void> {
  await fire(node, 'mempool:added', { vsize: 110, fee: 1000 }, { vsize: 140, fee: 2000 })
  await fire(node, 'mempool:removed', { reason: 'block', vsize: 110, fee: 1000 }, { reason: 'why', vsize: 1, fee: 2 })
  await fire(node, 'mempool:replaced', { vsize: 140, fee: 2000 })
  await fire(node, 'mempool:rejected', { reason: 'min relay fee not met' }, { reason: 'out of luck' })
  await fire(node, 'mempool:rejected', { reason: 'non-mandatory-script-verify-flag (Signature must be zero)' })
}

/** What came with Bitcoin Core 29. */
async function fireConnections(node: DemoNode): Promise<void> {
  await fire(node, 'net:inbound_connection', { network: 3 }, { network: 1 })
  await fire(node, 'net:outbound_connection', { connection_type: 'manual', network: 2 })
  await fire(node, 'net:closed_connection', { connection_type: 'feeler', network: 5 })
  await fire(node, 'net:evicted_inbound_connection', { network: 9 })
  await fire(node, 'net:misbehaving_connection', { reason: 'addr message size = 1001' })
}

describe.for([23, 24, 25, 26, 28, 29, 30, 31])('Bitcoin Core %i', (version) => {
  it('all that its tracepoints pass is counted', async () => {
    const { node, agent } = await startBoth(version, 'all')
    await using _ = node
    await using __ = agent
    await fireCommon(node)
    if (version >= 25) await fireMempool(node)
    if (version >= 29) await fireConnections(node)
    await fire(node, 'validation:block_connected', { connection_time_ns: 7_000_000 }) // which 23 and 24 pass in µs
    const page = await pageWhen(agent, 'bitcoin_blocks_connected_total', 1)
    expect(valuesOf(page, 'bitcoin_block_connection_duration_seconds')).toEqual({ _sum: 0.007, _count: 1 })
    expect(valuesOf(page, 'bitcoin_message')).toEqual({
      's_total inbound inv': 2,
      's_total inbound cmpctblock': 1,
      's_total inbound other': 1,
      's_total outbound getblocktxn': 1,
      '_bytes_total inbound inv': 110,
      '_bytes_total inbound cmpctblock': 13_000,
      '_bytes_total inbound other': 1,
      '_bytes_total outbound getblocktxn': 40,
    })
    expect(valuesOf(page, 'bitcoin_utxo_cache_')).toEqual({
      added_total: 2,
      spent_total: 1,
      uncached_total: 1,
      'flush_duration_seconds_sum force_flush': 1.5,
      'flush_duration_seconds_count force_flush': 1,
      'flush_duration_seconds_count periodic': 1,
      'flushed_coins_total force_flush': 100,
      'flushed_coins_total periodic': 10,
      'flushed_bytes_total force_flush': 7000,
      'flushed_bytes_total periodic': 700,
    })
    const buckets = page.series('bitcoin_utxo_cache_flush_duration_seconds_bucket', { mode: 'force_flush' })
    expect(buckets.filter(({ value }) => value === 0).map(({ labels }) => labels.le)).toEqual([
      '0.001',
      '0.01',
      '0.1',
      '0.25',
      '0.5',
      '1.0',
    ])
    expect(valuesOf(page, 'bitcoin_mempool_')).toEqual(
      version < 25
        ? {}
        : {
            added_total: 2,
            added_vbytes_total: 250,
            added_fees_satoshis_total: 3000,
            'removed_total block': 1,
            'removed_vbytes_total block': 110,
            'removed_fees_satoshis_total block': 1000,
            'removed_total other': 1,
            'removed_vbytes_total other': 1,
            'removed_fees_satoshis_total other': 2,
            replaced_total: 1,
            replaced_vbytes_total: 140,
            replaced_fees_satoshis_total: 2000,
            'rejected_total min relay fee not met': 1,
            'rejected_total non-mandatory-script-verify-flag': 1,
            'rejected_total other': 1,
          },
    )
    const connections = {
      ...valuesOf(page, 'bitcoin_inbound_'),
      ...valuesOf(page, 'bitcoin_outbound_'),
      ...valuesOf(page, 'bitcoin_connections_'),
      ...valuesOf(page, 'bitcoin_misbehaving_'),
    }
    expect(connections).toEqual(
      version < 29
        ? {}
        : {
            'connections_total onion': 1,
            'connections_total ipv4': 1,
            'connections_evicted_total other': 1,
            'connections_total ipv6 manual': 1,
            'closed_total cjdns feeler': 1,
            'connections_total addr message size': 1,
          },
    )
    expect(page.sum('fibre_exporter_events_lost_total')).toBe(0)
    expect(page.sum('fibre_exporter_field_errors_total')).toBe(0)
    expect(agent.log.filter(({ msg }) => msg.includes('lacks fields'))).toEqual([])
  })
})

it('counts go on through both processes that a node has had', async () => {
  const { node: first, agent, binary } = await startBoth(31, 'mempool')
  await using _ = agent
  await fire(first, 'mempool:added', { vsize: 110 })
  await pageWhen(agent, 'bitcoin_mempool_added_total', 1)
  await first[Symbol.asyncDispose]()
  await agent.logged(({ msg }) => msg.startsWith('bitcoind ended'))
  await pageWhen(agent, 'bitcoin_mempool_added_total', 1)
  await using second = await startDemoNode({ binary, args: ['--control'] })
  await agent.logged(({ msg, pid }) => msg === 'attached to bitcoind' && pid === second.pid)
  await fire(second, 'mempool:added', { vsize: 140 })
  const page = await pageWhen(agent, 'bitcoin_mempool_added_total', 2)
  expect(page.sum('bitcoin_mempool_added_vbytes_total')).toBe(250)
})

it('what is proposed for Bitcoin Core is measured where a binary has it', async () => {
  const { node, agent } = await startBoth(32, 'auto')
  await using _ = node
  await using __ = agent
  await fire(node, 'net:block_header', { by_compact_block: 1 }, { by_compact_block: 0 }, { by_compact_block: 0 })
  await fire(node, 'net:compact_block_reconstructed', { prefilled: 1, from_mempool: 3000, from_extra_pool: 20, requested: 4 })
  const page = await pageWhen(agent, 'bitcoin_compact_block_transactions_total', 3025)
  expect(valuesOf(page, 'bitcoin_new_block_headers_total')).toEqual({ ' headers': 2, ' cmpctblock': 1 })
  expect(valuesOf(page, 'bitcoin_compact_block_transactions_total')).toEqual({
    ' prefilled': 1,
    ' mempool': 3000,
    ' extra_pool': 20,
    ' requested': 4,
  })
})

describe('of the groups of tracepoints', () => {
  const providers = async (agent: AgentProcess) => {
    const series = (await agent.scrape()).series('fibre_exporter_probe_attached').filter(({ value }) => value === 1)
    return [...new Set(series.map(({ labels }) => labels.provider))].sort()
  }

  it.for([
    ['auto', ['net', 'validation']],
    ['auto,mempool', ['mempool', 'net', 'validation']],
    ['utxocache', ['utxocache']],
  ] as const)('%s attaches to %j', async ([groups, expected]) => {
    const { node, agent } = await startBoth(31, groups)
    await using _ = node
    await using __ = agent
    expect(await providers(agent)).toEqual(expected)
    const page = await agent.scrape()
    const isThere = (name: string) => page.series(name).length > 0
    expect(isThere('bitcoin_messages_total')).toBe(expected.some((provider) => provider === 'net'))
    expect(isThere('bitcoin_mempool_added_total')).toBe(expected.some((provider) => provider === 'mempool'))
    expect(isThere('bitcoin_utxo_cache_flush_duration_seconds_bucket')).toBe(expected.some((provider) => provider === 'utxocache'))
  })

  it('auto needs nothing of FIBRE: without it a node is a stock node, and ready', async () => {
    const { node, agent } = await startBoth(31, 'auto')
    await using _ = node
    await using __ = agent
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    expect((await agent.scrape()).series('fibre_exporter_probe_attached', { provider: 'udp' })).toEqual([])
    expect(agent.log.filter(({ msg }) => /stock|not attached/.test(msg)).map(({ msg }) => msg)).toEqual([
      'measured as a stock node, without FIBRE',
    ])
  })

  it('a FIBRE node that lacks those of newer builds is ready, and nothing tells of its lack', async () => {
    const binary = compileDemoNode(join(temporaryDirectory(), 'bitcoind'), '-DCORE=23')
    await using node = await startDemoNode({ binary, args: ['--control'] })
    await using agent = await startAgentProcess({ args: ['--pid', String(node.pid), '--tracepoints', 'all'] })
    await agent.logged(({ msg }) => msg === 'attached to bitcoind')
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    const page = await agent.scrape()
    const attached = page.series('fibre_exporter_probe_attached').map(({ labels: { provider } }) => provider)
    expect([...new Set(attached)].sort()).toEqual(['net', 'udp', 'utxocache', 'validation'])
    expect(agent.log.filter((line) => /mempool|connection/.test(JSON.stringify(line)))).toEqual([])
  })

  it('fibre has nothing to measure on a stock node, and says that the node has other tracepoints', async () => {
    const binary = compileDemoNode(join(temporaryDirectory(), 'bitcoind'), '-DSTOCK', '-DCORE=31')
    await using _ = await startDemoNode({ binary, args: ['--control'] })
    await using agent = await startAgentProcess({ args: ['--bitcoind', binary, '--tracepoints', 'fibre'] })
    const { msg } = await agent.logged(({ msg }) => msg.startsWith('nothing to measure here'))
    expect(msg).toContain('this bitcoind has tracepoints, but none of those that --tracepoints names')
  })

  it('one that leaves FIBRE and validation out is ready without them, with a warning that no block is measured', async () => {
    const { node, agent } = await startBoth(31, 'net')
    await using _ = node
    await using __ = agent
    const warning = '--tracepoints: no blocks are measured by net alone'
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    const { body } = await readinessJson(agent)
    expect(body).toMatchObject({ warnings: [expect.stringContaining(warning)] })
    expect(agent.log.filter(({ msg }) => msg.startsWith(warning))).toHaveLength(1)
  })
})
