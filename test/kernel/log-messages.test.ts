import { beforeEach, expect, it } from 'vitest'
import { buildStockDemoNode } from '../demo-node/compile.ts'
import { demoNodeBinary, startDemoNode } from '../demo-node/demo-node.ts'
import { type BlockHistory, readHistory } from '../demo-node/history.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import type { Scrape } from '../harness/scrape.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { type BlockRecord, recordsIn } from './ways/agent-run.ts'

beforeEach(requireBpf)

const RELAY = ['relay 100 1000']

interface Told {
  readonly page: Scrape
  /** Settings that are missing. */
  readonly warnings: readonly unknown[]
  /** By hash. */
  readonly records: ReadonlyMap<unknown, BlockRecord>
}

/** Has a node relay blocks before agents that read its log or ask the kernel. */
async function relayBefore(
  sources: readonly ('log' | 'kernel')[],
  binary: string,
  args: readonly string[],
  commands: readonly string[] = RELAY,
) {
  const { path, folder } = stage()
  const files = ['--datadir', folder('data'), '--history', path('history')]
  await using node = await startDemoNode({ binary, args: ['--control', ...files, ...args] })
  await using agents = new AsyncDisposableStack()
  const start = async (source: string) => {
    const agent = agents.use(await startAgentProcess({ args: ['--pid', String(node.pid), '--source', source, '--journal', path(source)] }))
    await agent.logged(({ msg }) => msg === 'attached to bitcoind')
    return { source, agent }
  }
  const started = await Promise.all(sources.map(start))
  for (const command of commands) await node.command(command as 'relay 1')
  const blocks = new Map<unknown, BlockHistory>(
    readHistory(path('history')).flatMap((block) => (block.path === null ? [] : [[block.block_hash, block]])),
  )
  const told = started.map(async ({ source, agent }): Promise<Told> => {
    await until(() => recordsIn(path(source)).filter(({ connected_at }) => connected_at).length === blocks.size, 'all records', 20_000)
    const page = await agent.scrape()
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0 })
    const warnings = agent.log.flatMap(({ msg, reason }) => (/tells less/.test(msg) ? [String(reason).split(':')[0]] : []))
    return { page, warnings, records: new Map(recordsIn(path(source)).map((record) => [record.block_hash, record])) }
  })
  return { blocks, told: await Promise.all(told) }
}

/** A node of Bitcoin Core, by its log and by the kernel. */
async function relayStock(args: readonly string[] = [], commands?: readonly string[]) {
  const { blocks, told } = await relayBefore(['log', 'kernel'], buildStockDemoNode(), args, commands)
  const [log, kernel] = told as [Told, Told]
  return { blocks, log, kernel }
}

const pathsIn = ({ records }: Told) => new Map([...records].map(([hash, { path }]) => [hash, path]))
/** The paths that the node says, but for those that the log does not tell. */
const pathsOf = (blocks: ReadonlyMap<unknown, BlockHistory>, untold: Partial<Record<string, string>>) =>
  new Map([...blocks].map(([hash, { path }]) => [hash, untold[String(path)] ?? path]))

/** Values of the metrics whose names begin so, by what is behind that. */
const valuesOf = ({ page }: Told, start: string) =>
  Object.fromEntries(
    page.samples
      .filter(({ name }) => name.startsWith(start))
      .map(({ name, labels, value }) => [[name.slice(start.length), labels.result ?? labels.le].join(' '), value]),
  )
const compact = 'bitcoin_compact_block_'
const results = `${compact}reconstructions_total`

/** What lines tell of a block's way, beside times. */
const facts = [
  ...['announced_by', 'announced_message', 'compact_block_peer', 'compact_block_bytes'],
  ...['requested_transactions', 'requested_bytes', 'full_block_bytes', 'told_peer'],
]
const factsOf = (record: BlockRecord | undefined) => Object.fromEntries(facts.map((name) => [name, record?.[name]]))
const times = ['announced_at', 'compact_block_at', 'requested_at', 'requested_received_at', 'full_block_at', 'told_at', 'connected_at']
const stages = ['announced_to_received_ms', 'received_to_requested_ms', 'round_trip_ms', 'first_sign_to_connected_ms']

it('under debug=net and debug=cmpctblock the log tells how blocks came to a node of Bitcoin Core', { timeout: 60_000 }, async () => {
  const { blocks, kernel, log } = await relayStock(['--log-net'])
  expect(log.warnings).toEqual([])
  // No line tells that a block is mined here, and the log must not guess.
  expect(pathsIn(log)).toEqual(pathsOf(blocks, { mined_here: 'unknown' }))
  expect(new Set(pathsIn(log).values())).toEqual(new Set(['compact_block', 'compact_block_round_trip', 'full_block', 'unknown']))
  for (const name of ['reconstructions_total', 'requested_transactions_', 'requested_bytes_', 'round_trip_seconds_count'])
    expect(valuesOf(log, `${compact}${name}`)).toEqual(valuesOf(kernel, `${compact}${name}`))
  expect(valuesOf(log, results)).toMatchObject({ ' no_round_trip': expect.toSatisfy((value) => value > 10) })
  expect(log.page.sum('bitcoin_block_announced_to_connected_seconds_count')).toBe(
    kernel.page.sum('bitcoin_block_announced_to_connected_seconds_count'),
  )
  expect(log.page.sum('bitcoin_block_announcements_total')).toBe(0)

  for (const [hash, block] of blocks) {
    const [told, seen] = [log.records.get(hash), kernel.records.get(hash)]
    if (block.path === 'mined_here') continue
    expect([hash, factsOf(told)]).toEqual([hash, factsOf(seen)])
    expect(told).not.toHaveProperty('announcers')
    const apart = (name: string) => Date.parse(String(told?.[name])) - Date.parse(String(seen?.[name]))
    for (const name of times.filter((name) => seen?.[name] !== undefined)) expect(Math.abs(apart(name)), name).toBeLessThan(50)
    for (const name of stages) expect([name, told?.[name] !== undefined]).toEqual([name, seen?.[name] !== undefined])
  }
})

it('under debug=cmpctblock alone it tells which came as compact blocks, and what these lacked', { timeout: 60_000 }, async () => {
  const { blocks, kernel, log } = await relayStock()
  expect(log.warnings).toEqual(['debug=net is missing in bitcoin.conf'])
  expect(pathsIn(log)).toEqual(pathsOf(blocks, { mined_here: 'unknown', full_block: 'unknown' }))
  for (const name of ['requested_transactions_', 'requested_bytes_'])
    expect(valuesOf(log, `${compact}${name}`)).toEqual(valuesOf(kernel, `${compact}${name}`))
  expect(valuesOf(log, results)).toEqual({ ...valuesOf(kernel, results), ' full_block': 0 })
  expect(log.page.sum(`${compact}round_trip_seconds_count`)).toBe(0)
  for (const { path, compact_block_at, announced_by } of log.records.values()) {
    if (path !== 'compact_block' && path !== 'compact_block_round_trip') continue
    expect(compact_block_at).toBeUndefined()
    expect(announced_by).toMatch(/^peer=\d+$/)
  }
})

it('they tell so of a FIBRE node, beside its races', { timeout: 60_000 }, async () => {
  const { blocks, told } = await relayBefore(['log'], demoNodeBinary, ['--log-net'])
  const log = told[0] as Told
  const brought = new Map([...blocks].filter(([, { path }]) => path !== 'mined_here'))
  const paths = new Map([...pathsIn(log)].filter(([hash]) => brought.has(hash)))
  expect(paths).toEqual(pathsOf(brought, {}))
  expect(new Set(paths.values())).toEqual(new Set(['fibre_udp', 'compact_block', 'compact_block_round_trip', 'full_block']))
  const asked = [...blocks.values()].filter(({ path }) => path === 'compact_block_round_trip').map(({ requested }) => requested)
  expect(asked.length).toBeGreaterThan(0)
  const sum = (of: (requested: (typeof asked)[number]) => number | undefined) => asked.reduce((total, one) => total + Number(of(one)), 0)
  expect(log.page.sum(`${compact}round_trip_seconds_count`)).toBe(asked.length)
  expect(log.page.sum(`${compact}requested_transactions_sum`)).toBe(sum((requested) => requested?.transactions))
  expect(log.page.sum(`${compact}requested_bytes_sum`)).toBe(sum((requested) => requested?.answer.bytes))
})

it('they tell of a reorganisation: how deep it was, and which blocks compete', { timeout: 60_000 }, async () => {
  const { kernel, log } = await relayStock(['--log-net'], ['relay 5 1000', 'reorg 2', 'relay 1 1000'])
  expect(log.warnings).toEqual([])
  const siblings = ({ records }: Told) =>
    [...records.values()].map(({ height, reorganisation_depth: depth, competes_with: rival, connect_ms: ms }) => [
      height,
      depth,
      rival,
      ms !== undefined,
    ])
  expect(siblings(log)).toEqual(siblings(kernel))
  expect(siblings(log).filter(([, depth]) => depth !== undefined)).toEqual([[900_003, 2, expect.any(String), true]])
  for (const name of ['bitcoin_reorganisation', 'bitcoin_competing']) expect(valuesOf(log, name)).toEqual(valuesOf(kernel, name))
})
