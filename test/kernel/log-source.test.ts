import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type AgentProcess, bundle, startAgentProcess } from '../harness/agent.ts'
import { need } from '../harness/needs.ts'
import { attached, processed, readiness, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

/** Events of a block that debug.log tells of. */
const TOLD = ['block_reconstructed', 'block_send_start', 'block_coinbase', 'race_winner', 'race_time', 'block_connected'] as const
const toldOf = (counts: Readonly<Record<string, number>>) => Object.fromEntries(TOLD.map((type) => [type, counts[type] ?? 0]))

interface Recorded {
  readonly probe: string
  readonly unix_us: number
  readonly [name: string]: unknown
}

const eventsOf = (file: string) =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line): Recorded => JSON.parse(line))

it('tells of as many events as the kernel, at the same times, of one run of a node', async (context) => {
  need(context, process.getuid?.() === 0, 'tracing takes root')
  const { path, folder, install } = stage()
  const binary = install('bitcoind')
  await using node = await startNode(binary, folder('data'))
  const select = ['--bitcoind', binary]
  await using byKernel = await startAgentProcess({ args: [...select, '--record', path('kernel.jsonl')] })
  await using byLog = await startAgentProcess({ args: [...select, '--source', 'log', '--record', path('log.jsonl')] })
  await attached(node)
  await byLog.logged(({ msg }) => msg === 'following the log of bitcoind')

  await node.command('blocks 100')
  const kernel = async () => toldOf(processed(await byKernel.scrape()))
  const log = async () => toldOf(processed(await byLog.scrape()))
  await until(
    async () => (await kernel()).race_time === (await log()).race_time && ((await log()).block_connected ?? 0) >= 100,
    'both to have read all',
  )
  expect(await log()).toEqual(await kernel())
  const wins = async (agent: AgentProcess) =>
    (await agent.scrape()).series('fibre_block_race_wins_total').map(({ labels, value }) => [labels.mechanism, value])
  expect(await wins(byLog)).toEqual(await wins(byKernel))

  for (const agent of [byKernel, byLog]) {
    agent.kill()
    await agent.exited
  }
  const told = new Map(eventsOf(path('log.jsonl')).map((event) => [`${event.probe} ${event.block_hash}`, event]))
  const lates: number[] = []
  for (const event of eventsOf(path('kernel.jsonl'))) {
    const same = told.get(`${event.probe} ${event.block_hash}`)
    if (/header_chunk|detail/.test(event.probe)) expect(same).toBeUndefined()
    else lates.push((same?.unix_us ?? Number.NaN) - event.unix_us)
  }
  // The node writes its line just before it hits the tracepoint, and may be interrupted in between.
  lates.sort((a, b) => a - b)
  expect(lates.length).toBeGreaterThan(400)
  expect(lates.every((late) => Math.abs(late) < 50_000)).toBe(true)
  expect(Math.abs(lates[lates.length >> 1] as number)).toBeLessThan(500)
})

it('misses nothing through three rotations, says so when the log is cut, and begins at its end after kill -9', async () => {
  const { folder, path, install } = stage()
  const log = path('data', 'debug.log')
  await using node = await startNode(install('bitcoind'), folder('data'))
  const args = ['--source', 'log', '--debug-log', log, '--node-name', 'alpha']
  /** Blocks that the node says in its log to have connected. */
  const written = () => {
    const files = readdirSync(path('data')).map((file) => readFileSync(path('data', file), 'utf8'))
    return files.join('').match(/ UpdateTip: /g)?.length ?? 0
  }
  const connected = async (agent: AgentProcess) => (await agent.scrape()).value('bitcoin_blocks_connected_total', { node: 'alpha' })
  const lost = async (agent: AgentProcess) => (await agent.scrape()).sum('fibre_exporter_events_lost_total', { node: 'alpha' })
  const relay = () => node.command('blocks 20')

  // A user that may do nothing but read the log.
  const command =
    process.getuid?.() === 0
      ? (['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', bundle] as const)
      : undefined
  const start = () => startAgentProcess({ args, ...(command && { command: [...command] }) })

  await using first = await start()
  const isRead = () => until(async () => (await connected(first)) === written(), 'all blocks of the log')
  await relay()
  await isRead()
  for (const rotation of [1, 2, 3]) {
    renameSync(log, `${log}.${rotation}`)
    await relay()
    node.kill('SIGHUP')
    await until(async () => (await relay()) && existsSync(log), 'the node to write to a new file')
    await isRead()
  }
  expect(await lost(first)).toBe(0)
  expect(written()).toBeGreaterThanOrEqual(140)

  copyFileSync(log, `${log}.copy`)
  truncateSync(log)
  await relay()
  await isRead()
  expect(await lost(first)).toBe(1)
  const said = first.log.filter(({ msg }) => msg.startsWith('events are lost'))
  expect(said).toMatchObject([{ msg: 'events are lost: the log was cut, and what was not read by then is gone', node: 'alpha' }])
  first.kill('SIGKILL')
  await first.exited

  await relay()
  const before = written()
  await using second = await start()
  await relay()
  await until(async () => (await connected(second)) === written() - before, 'the blocks since')
  expect(await readiness(second)).toEqual({ status: 200, text: 'OK' })
})

it('reads what a node wrote until it ended, through its restarts, where it has a file system of its own', async (context) => {
  need(context, process.getuid?.() === 0, 'mounting takes root')
  const { folder, path, install } = stage()
  const data = folder('data')
  const binary = install('bitcoind')
  const shell = path('start.sh')
  writeFileSync(shell, `#!/bin/sh\nmount -t tmpfs none ${data} && exec ${binary} "$@"\n`, { mode: 0o755 })
  const inside = path('inside')
  writeFileSync(inside, `#!/bin/sh\nexec unshare -m ${shell} "$@"\n`, { mode: 0o755 })
  await using agent = await startAgentProcess({ args: ['--bitcoind', binary, '--source', 'log'] })
  const connected = async () => (await agent.scrape()).sum('bitcoin_blocks_connected_total')
  const following = () => agent.log.filter(({ msg }) => msg === 'following the log of bitcoind')

  for (const run of [1, 2, 3]) {
    await using node = await startNode(inside, data, ['--height', String(run * 1000)])
    await until(() => following().length === run, 'the log to be followed')
    await node.command('blocks 50')
    node.kill('SIGKILL')
    await node.exited
    await until(async () => (await connected()) === run * 50, 'all blocks')
  }
  expect(existsSync(path('data', 'debug.log'))).toBe(false)
  expect(following().map((line) => line.path)).toEqual(
    agent.log.filter(({ msg }) => msg === 'attached to bitcoind').map(({ pid }) => `/proc/${pid}/root${data}/debug.log`),
  )
})

it('says what is missing: a log that may not be read, and settings of bitcoind', async () => {
  const { folder, path } = stage()
  const log = path('data', 'debug.log')
  folder('data')
  await using agent = await startAgentProcess({
    args: ['--source', 'log', '--debug-log', log, '--node-name', 'alpha', '--tracepoints', 'validation'],
  })
  await until(
    async () => (await readiness(agent)).text.includes(`alpha: validation:block_connected is not attached: ${log} is not there`),
    'the reason',
  )

  const tip = (height: number) =>
    `${new Date().toISOString().slice(0, 19)}Z UpdateTip: new best=${String(height).padStart(64, '0')} height=${height} version=0x20000000 log2_work=1 tx=${height} date='x'\n`
  appendFileSync(log, tip(1) + tip(2))
  const missing = async () =>
    agent.log.filter(({ msg }) => msg === 'debug.log tells less than it could').map(({ reason }) => String(reason).split(':')[0])
  await until(async () => (await missing()).length === 2, 'what is missing')
  expect(await missing()).toEqual(['debug=bench is missing in bitcoin.conf', 'logtimemicros=1 is missing in bitcoin.conf'])
})
