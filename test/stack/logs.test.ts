import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { cpuSeconds, residentMegabytes } from '../harness/process-usage.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { builtBinary } from './binaries.ts'
import { parseEntry } from './debug-log.ts'
import { startCollector } from './otelcol.ts'
import { startPrometheus } from './prometheus.ts'
import { requireStack, tellOnFailure } from './requirements.ts'
import { linesWritten, openRotatedLog, renameRotated } from './rotated-log.ts'
import type { Server } from './server.ts'
import { shipped } from './shipped.ts'
import { type StoredLine, startVictoriaLogs, type VictoriaLogs } from './victorialogs.ts'

const recordings = join(import.meta.dirname, '../fixtures/logs')
const LINES_PER_SECOND = 5_000
const ARRIVAL_MS = 40_000
const POLL_MS = 250
/** It notes ten times as often how far it has read: without the feature gate, nearly every kill finds lines that are noted but not handed on. */
const HASTY = 'yaml:receivers: {file_log/bitcoind: {poll_interval: 20ms}}'

/** One for all, each test with nodes of its own. */
let store: VictoriaLogs
const storeFolder = mkdtempSync(join(tmpdir(), 'fibre-logs-'))
beforeAll(async () => {
  if (await builtBinary('victorialogs')) store = await startVictoriaLogs(storeFolder)
})
afterAll(async () => {
  await store?.[Symbol.asyncDispose]()
  rmSync(storeFolder, { recursive: true })
})

it('keeps every line once through rotations, a killed Collector and a killed store', async (context) => {
  await requireStack(context, 'otelcol', 'victorialogs')
  const { path, folder } = stage()
  const debugLog = join(folder('bitcoin'), 'debug.log')
  const files = { node: 'alpha', debugLog, agentLog: path('agent.log'), state: path('state') }
  await using collector = await collect(files)
  tellOnFailure({ collector, store })

  const selector = '{job="bitcoin",node="alpha"}'
  const lines = withNumbers(recordedLines(20_000))
  const next = (count: number) => lines.splice(0, count)
  using log = openRotatedLog(debugLog, LINES_PER_SECOND / 2)
  const rename = async () => {
    log.rename()
    await log.write(next(300)) // into the old inode, as bitcoind does until SIGHUP
    log.reopen()
  }
  await log.write(next(4_000))
  await rename()
  await log.write(next(1_000))
  const lastArrived = () => arrived(`${selector} _msg:~"number=${numbersIn(linesWritten(debugLog)).at(-1)}$"`, 1)
  const killCollectors = async () => {
    await lastArrived()
    await collector.stop('SIGKILL')
    for (let times = 0; times < 3; times++) {
      await using _killed = await collect({ ...files, configs: [HASTY] })
      await lastArrived() // it is killed while it reads
    }
    await collector.start()
  }
  const writeMeanwhile = async () => {
    await log.write(next(8_000), LINES_PER_SECOND / 5)
    await rename()
    await log.write(next(2_000))
  }
  await Promise.all([killCollectors(), writeMeanwhile()])
  log.copyTruncate()
  await log.write(next(1_000))
  await arrived(selector, new Set(linesWritten(debugLog)).size)
  await store.flushed()
  const writeWithoutStore = async () => {
    await log.write(next(2_000))
    await rename()
    await log.write(next(2_000))
    log.copyTruncate()
  }
  await Promise.all([killAndStart(store), writeWithoutStore()])
  await log.write(lines)

  await using node = await startNode(join(import.meta.dirname, '../../dist/demo-node'), folder('bitcoin'))
  await node.command('blocks 60 5000')
  renameRotated(debugLog)
  await node.command('blocks 5 5000')
  process.kill(node.pid, 'SIGHUP')
  await node.command('blocks 60 5000')

  const written = new Set(linesWritten(debugLog))
  const stored = await arrived(selector, written.size)
  const kept = folded(stored)
  expect(differences(written, kept)).toEqual({ lost: [], twice: [], invented: [], atAnotherTime: [] })
  expect(written.size).toBeGreaterThan(20_000)
  console.log(`${written.size} lines, ${stored.length - kept.length} of them sent again after one of four kills, or equal to the letter`)
  expect(numbersIn(kept.map(({ line }) => line))).toEqual(Array.from({ length: 2_000 }, (_, number) => number))

  const races = folded(await arrived(`${selector} winner:*`, 1))
  expect(races.length).toBeGreaterThan(100)
  expect(races.map(({ line, fields: { winner, block_hash, height } }) => ({ line, winner, block_hash, height })).sort(byLine)).toEqual(
    racesIn([...written]).sort(byLine),
  )
  expect(await store.streams('*')).toEqual(['{job="bitcoin",node="alpha",service.name="bitcoind"}'])
})

it('takes odd lines of a debug.log that appears late, and the records of an agent under their own node', async (context) => {
  await requireStack(context, 'otelcol', 'victorialogs')
  const { path, folder, install } = stage()
  const debugLog = join(path('bitcoin'), 'debug.log')
  await using collector = await collect({ node: 'beta', debugLog, agentLog: path('agent.log'), state: path('state') })
  tellOnFailure({ collector, store })

  const bitcoind = install('bitcoind')
  await using node = await startNode(bitcoind, path())
  await using _agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--node-name', 'gamma', '--log-file', path('agent.log')] })
  await attached(node)
  const ownRecords = await arrived('{"service.name"="fibre-agent",node="gamma"} msg:="attached to bitcoind"', 1)
  expect(ownRecords.map(({ stream }) => stream)).toEqual([{ job: 'fibre-agent', node: 'gamma', 'service.name': 'fibre-agent' }])
  expect(await arrived('{"service.name"="fibre-agent",node="beta"} msg:="starting"', 1)).toHaveLength(1)

  const time = new Date().toISOString()
  const entries = [
    `${time} an entry\n  goes on\nEXCEPTION: and on`,
    `${time} after blank lines`,
    `${time} ${'x'.repeat(100_000)}`,
    `${time} caf\ufffd\ufffd`,
    `${time} ${'\ufffd'.repeat(80_000)}`,
    `${time} last`,
  ]
  const [first, second, third] = entries
  folder('bitcoin')
  writeFileSync(
    debugLog,
    Buffer.concat([
      Buffer.from(`\n\n\n\n\n${first}\n\n \n\n${second}\n${third}\n${time} caf`),
      Buffer.of(0xe9, 0xff),
      Buffer.from(`\n${time} `),
      Buffer.alloc(80_000, 0xff),
      Buffer.from(`\n${time} last\n`),
    ]),
  )
  const withoutTime = readFileSync(join(recordings, 'no-timestamps.log'), 'utf8')
  writeFileSync(`${debugLog}.1`, withoutTime)
  const expected = [...entries, ...withoutTime.split('\n').filter((line) => line !== '')]
  const stored = await arrived('{job="bitcoin",node="beta"}', expected.length)
  expect(stored.map(({ line }) => line).sort()).toEqual(expected.sort())
})

it('keeps every record of the journal once, each field beside it, through a rotation and a killed Collector', async (context) => {
  await requireStack(context, 'otelcol', 'victorialogs')
  const { path, install } = stage()
  const journal = path('blocks.ndjson')
  await using collector = await collect({ node: 'none', debugLog: path('none'), agentLog: path('none'), journal, state: path('state') })
  tellOnFailure({ collector, store })
  const bitcoind = install('bitcoind')
  await using node = await startNode(bitcoind, path())
  const args = ['--bitcoind', bitcoind, '--node-name', 'zeta', '--journal', journal, '--journal-file-size', '64KiB']
  await using agent = await startAgentProcess({ args })
  await attached(node)
  await node.command('blocks 100 5000')
  await killAndStart(collector)
  await node.command('blocks 100 5000')
  agent.kill()
  await agent.exited

  const files = readdirSync(path()).filter((name) => name.startsWith('blocks.ndjson'))
  const records = files.flatMap((name) => readFileSync(path(name), 'utf8').split('\n').slice(0, -1))
  expect(files.length).toBeGreaterThan(1)
  expect(records).toHaveLength(200)
  const stored = folded(await arrived('{job="fibre-blocks",node="zeta"}', records.length))
  expect(stored.map(({ line }) => line).sort()).toEqual(records.sort())
  for (const { line, stream, fields: received } of stored) {
    const { time, node, ...fields } = JSON.parse(line)
    expect(stream).toEqual({ job: 'fibre-blocks', node: 'zeta', 'service.name': 'fibre-agent' })
    expect(received).toEqual(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, `${value}`])))
  }
  const wins = records.filter((line) => JSON.parse(line).path === 'fibre_udp')
  expect(folded(await arrived('{job="fibre-blocks",node="zeta"} path:="fibre_udp" head_start_ms:>=0', wins.length))).toHaveLength(
    wins.length,
  )
})

it('works on beside a directory and a file that it may not read, and reads what takes their place', async (context) => {
  await requireStack(context, 'otelcol', 'victorialogs')
  const { path, folder } = stage()
  const debugLog = join(folder('bitcoin'), 'debug.log')
  const time = new Date().toISOString()
  mkdirSync(debugLog)
  writeFileSync(`${debugLog}.1`, `${time} of a file that nobody may read\n`)
  chmodSync(`${debugLog}.1`, 0)
  writeFileSync(`${debugLog}.2`, `${time} readable\n`)
  // Root may read all files but for these capabilities.
  const launcher = ['setpriv', '--bounding-set=-dac_override,-dac_read_search']
  await using collector = await collect({ node: 'delta', debugLog, agentLog: folder('agent.log'), state: path('state'), launcher })
  tellOnFailure({ collector, store })

  const linesOf = async (count: number) => (await arrived('{job="bitcoin",node="delta"}', count)).map(({ line }) => line).sort()
  expect(await linesOf(1)).toEqual([`${time} readable`])
  await until(() => collector.log.includes('permission denied'), 'a word about the file')
  chmodSync(`${debugLog}.1`, 0o600)
  expect(await linesOf(2)).toEqual([`${time} of a file that nobody may read`, `${time} readable`])
  rmdirSync(debugLog)
  writeFileSync(debugLog, `${time} in the directory's place\n`)
  expect(await linesOf(3)).toEqual([`${time} in the directory's place`, `${time} of a file that nobody may read`, `${time} readable`])
  expect(collector.hasEnded()).toBe(false)
})

it('takes little: 5,000 lines a second, and a push every 10 s', async (context) => {
  await requireStack(context, 'otelcol', 'victorialogs', 'prometheus')
  const { path, folder, install } = stage()
  const debugLog = join(folder('bitcoin'), 'debug.log')
  await using prometheus = await startPrometheus({ config: shipped('prometheus-otlp.yaml'), folder: path('prometheus'), otlp: true })
  const env = { PROMETHEUS_OTLP: prometheus.otlpUrl }
  await using collector = await collect({ node: 'epsilon', debugLog, agentLog: path('agent.log'), state: path('state'), env })
  tellOnFailure({ prometheus, collector, store })
  const bitcoind = install('bitcoind')
  await using node = await startNode(bitcoind, path())
  await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--otlp-endpoint', collector.url, '--otlp-interval', '10'] })
  await attached(node)

  const lines = recordedLines(15 * LINES_PER_SECOND)
  using log = openRotatedLog(debugLog, LINES_PER_SECOND)
  const costOf = { Collector: meter(collector.pid), agent: meter(agent.pid) }
  await Promise.all([log.write([...lines, `${new Date().toISOString()} last`]), node.command('blocks 15 1000000')])
  expect(await arrived('{job="bitcoin",node="epsilon"} _msg:~"Z last$"', 1)).toHaveLength(1)
  const costs = Object.fromEntries(Object.entries(costOf).map(([name, read]) => [name, read()]))
  await prometheus.until('bitcoin_blocks_connected_total == 15', 'the blocks to be pushed', 30_000)

  console.log(`${lines.length} lines at ${LINES_PER_SECOND}/s, 15 blocks at 1/s, a push every 10 s:`)
  console.table(costs)
  for (const { cores, megabytes } of Object.values(costs)) {
    expect(cores).toBeLessThan(1)
    expect(megabytes).toBeLessThan(300)
  }
})

interface Collected {
  readonly node: string
  readonly debugLog: string
  readonly agentLog: string
  readonly journal?: string
  readonly state: string
  readonly env?: Readonly<Record<string, string>>
  readonly launcher?: readonly string[]
  /** Configurations over its own. */
  readonly configs?: readonly string[]
}

/** Starts a Collector as it is shipped, on these files from their beginning. */
function collect({ node, debugLog, agentLog, state, journal = `${state}/none`, env, launcher, configs = [] }: Collected): Promise<Server> {
  return startCollector({
    configs: [shipped('config.yaml'), ...configs],
    env: {
      ...env,
      LOGS_OTLP: store.otlpUrl,
      FIBRE_NODE_NAME: node,
      BITCOIN_DEBUG_LOG: debugLog,
      FIBRE_LOG_FILE: agentLog,
      FIBRE_JOURNAL: journal,
      COLLECTOR_STATE_DIR: state,
      LOG_START_AT: 'beginning',
    },
    ...(launcher && { launcher }),
  })
}

async function killAndStart(server: Server): Promise<void> {
  await server.stop('SIGKILL')
  await server.start()
}

/** The recordings over and over, each time two minutes later. */
function recordedLines(count: number): string[] {
  const recorded = ['default.log', 'levels.log', 'levels-threads.log', 'source-locations.log', 'mocktime.log'].map((name) =>
    readFileSync(join(recordings, name), 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  )
  const passes = Math.ceil(count / recorded.flat().length)
  const firstMs = Date.now() - passes * 120_000
  return Array.from({ length: passes }, (_, pass) => recorded.flatMap((lines) => beginningAt(firstMs + pass * 120_000, lines)))
    .flat()
    .slice(0, count)
}

function beginningAt(startMs: number, lines: readonly string[]): string[] {
  const secondOf = (line: string) => Date.parse(`${line.slice(0, 19)}Z`)
  const shiftMs = startMs - secondOf(lines[0] ?? '')
  return lines.map((line) => new Date(secondOf(line) + shiftMs).toISOString().slice(0, 19) + line.slice(19))
}

/** Recorded lines may be equal to the letter. Each tenth is followed by one that is not. */
function withNumbers(lines: readonly string[]): string[] {
  return lines.flatMap((line, index) => (index % 10 ? [line] : [line, `${line.slice(0, line.indexOf('Z'))}Z number=${index / 10}`]))
}

function numbersIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => /Z number=(\d+)$/.exec(line)?.slice(1).map(Number) ?? []).sort((a, b) => a - b)
}

/** All that is stored, as soon as there are so many different lines: less when that takes too long. */
async function arrived(query: string, count: number): Promise<readonly StoredLine[]> {
  const deadline = performance.now() + ARRIVAL_MS
  while ((await store.countDistinct(query)) < count && performance.now() < deadline) await setTimeout(POLL_MS)
  return store.query(query)
}

/** The lines without those that are the same as another one in every field, as a store keeps them that does not fold what comes twice. */
function folded(stored: readonly StoredLine[]): readonly StoredLine[] {
  return [...new Map(stored.map((entry) => [JSON.stringify({ ...entry, timeNs: `${entry.timeNs}` }), entry])).values()]
}

/** Differences between written and stored lines, the first few of each kind. */
function differences(written: ReadonlySet<string>, stored: readonly StoredLine[]) {
  const seen = Map.groupBy(stored, ({ line }) => line)
  const few = (lines: Iterable<string>) => [...lines].slice(0, 5)
  return {
    lost: few(written.difference(seen)),
    twice: few([...seen].flatMap(([line, entries]) => (entries.length > 1 ? [line] : []))),
    invented: few(new Set(seen.keys()).difference(written)),
    atAnotherTime: few(stored.flatMap(({ line, timeNs }) => (timeNs === timeOf(line) ? [] : [line]))),
  }
}

const timeOf = (line: string) =>
  parseEntry(`${line.slice(0, line.indexOf('Z'))}Z `, { timestamps: true, threadNames: false, sourceLocations: false }).timeNs

interface Race {
  readonly line: string
  readonly winner: string | undefined
  readonly block_hash: string | undefined
  readonly height: string | undefined
}

function racesIn(lines: readonly string[]): Race[] {
  return lines.flatMap((line) => {
    const [, block_hash, height, winner] = /UDP: block=(\w+) height=(\d+) winner=(\S+) /.exec(line) ?? []
    return winner ? [{ line, winner, block_hash, height }] : []
  })
}

const byLine = (one: Race, other: Race) => (one.line < other.line ? -1 : 1)

/** Measures what a process takes from now on: processor cores on average, and resident memory at the end. */
function meter(pid: number) {
  const [cpuBefore, start] = [cpuSeconds(pid), performance.now()]
  return () => {
    const seconds = (performance.now() - start) / 1000
    return { cores: rounded((cpuSeconds(pid) - cpuBefore) / seconds), megabytes: rounded(residentMegabytes(pid)) }
  }
}

const rounded = (value: number) => Number(value.toPrecision(3))
