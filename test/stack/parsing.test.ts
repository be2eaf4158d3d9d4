import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { parse } from 'yaml'
import { until } from '../harness/until.ts'
import { type LogOptions, parseEntry } from './debug-log.ts'
import { startCollector } from './otelcol.ts'
import { type ReceivedLog, startLogReceiver } from './otlp-logs.ts'
import { requirePrograms } from './requirements.ts'
import { shipped } from './shipped.ts'

const recordings = join(import.meta.dirname, '../fixtures/logs')

const plain: LogOptions = { timestamps: true, threadNames: false, sourceLocations: false }
const recorded: Readonly<Record<string, LogOptions>> = {
  'default.log': plain,
  'levels.log': plain,
  'levels-threads.log': { ...plain, threadNames: true },
  'source-locations.log': { ...plain, threadNames: true, sourceLocations: true },
  'mocktime.log': plain,
  'no-timestamps.log': { ...plain, timestamps: false, threadNames: true },
}

describe('recorded debug.log', () => {
  for (const [file, options] of Object.entries(recorded)) {
    it(`is read in every field, every line once: ${file}`, async (context) => {
      const text = readFileSync(join(recordings, file), 'utf8')
      const lines = text.split('\n').filter((line) => line.trim() !== '')
      const logs = await collect(context, { debugLogs: { 'debug.log': text }, expected: lines.length })
      const seen = logs.map((log) => ({ line: log.body, timeNs: options.timestamps ? log.timeNs : undefined, fields: fieldsOf(log) }))
      const parsed = lines.map((line) => ({ line: line.trimEnd(), ...parseEntry(line, options) }))
      expect(seen).toEqual(parsed)
    })
  }
})

const time = '2026-11-22T16:25:09.776967Z'
const hash = '48d5e9b4c17df74c1b3e4d5a8e4f02d4a9bbd5a1a3be1d1cbb7a0a1c9a5d2f01'
const race = `UDP: block=${hash} height=840000`

describe('a line of debug.log', () => {
  const info = { level: 'info' }
  const cases: readonly (readonly [message: string, fields: Readonly<Record<string, string | number>>])[] = [
    ['Bitcoin Core version v30.0.0', info],
    ['[net] Flushed 0 banned node addresses', { category: 'net', level: 'debug' }],
    ['[net] [net] Flushed 0 banned node addresses', { thread: 'net', category: 'net', level: 'debug' }],
    ['[net] net thread start', { thread: 'net', level: 'info' }],
    ['[net] [all:info] net thread start', { thread: 'net', category: 'all', level: 'info' }],
    ['[warning] low disk space', { level: 'warning' }],
    ['[net:error] [::1]:8333 is gone', { category: 'net', level: 'error' }],
    ['[httpworker.3] [warning] slow', { thread: 'httpworker.3', level: 'warning' }],
    ['[b-newthread] [validation:trace] x', { thread: 'b-newthread', category: 'validation', level: 'trace' }],
    ['[basic block filter index] starting', { thread: 'basic block filter index', level: 'info' }],
    ['[udpprocess] UDP: Set write thread priority', { thread: 'udpprocess', level: 'info' }],
    ['[udpnet] UDP: Initializing connection', { category: 'udpnet', level: 'debug' }],
    ['[snapshot] a message that begins with a bracket', info],
    ['[my wallet] Releasing wallet', info],
    ['[init] [my wallet] Releasing wallet', { thread: 'init', level: 'info' }],
    ['[', info],
    ['[] [] []', info],
    ['[net.cpp:68] [void f()] no thread', { source: 'net.cpp:68', function: 'void f()', level: 'info' }],
    [
      '[net] [net.cpp:68] [char g(int (&)[2]) [with T = char [4]; R = std::map<int, char [2]>]] [net] x',
      {
        thread: 'net',
        source: 'net.cpp:68',
        function: 'char g(int (&)[2]) [with T = char [4]; R = std::map<int, char [2]>]',
        category: 'net',
        level: 'debug',
      },
    ],
    [
      '[init] [a.cpp:1] [T& V::operator[](int)] [error] x',
      { thread: 'init', source: 'a.cpp:1', function: 'T& V::operator[](int)', level: 'error' },
    ],
    ['(mocktime: 2023-11-14T22:13:20Z) [net] x', { category: 'net', level: 'debug' }],
    [`UDP: Block ${hash} had serialized size 260`, { ...info, block_hash: hash }],
    [`UDP: Final block processing for ${hash} took 1 2 3 4 ms`, { ...info, block_hash: hash }],
    [`Saw new cmpctblock header hash=${hash} height=7 peer=3`, { ...info, block_hash: hash, height: 7 }],
    [`UpdateTip: new best=${hash} height=0 version=0x20000000`, { ...info, block_hash: hash, height: 0 }],
    [
      `[validation] BlockConnected: block hash=${hash} block height=12`,
      { category: 'validation', level: 'debug', block_hash: hash, height: 12 },
    ],
    [`[validation] TransactionAddedToMempool: txid=${hash} wtxid=${hash}`, { category: 'validation', level: 'debug' }],
    [`[net] received getdata for: wtx ${hash} peer=0`, { category: 'net', level: 'debug' }],
    [`UDP: Block ${hash}ab is no hash`, info],
    [
      `${race} winner=FIBRE/UDP winner_peer=127.0.0.1:18901 udp=4.77ms udp_peer=127.0.0.1:18901 cmpct=n/a cmpct_peer=n/a`,
      {
        ...info,
        block_hash: hash,
        height: 840000,
        winner: 'FIBRE/UDP',
        winner_peer: '127.0.0.1:18901',
        udp_ms: 4.77,
        udp_peer: '127.0.0.1:18901',
      },
    ],
    [
      `${race} winner=BIP152/CMPCTBLOCK winner_peer=peer=0 peeraddr=[::1]:8333 udp=n/a udp_peer=n/a cmpct=12.00ms cmpct_peer=peer=0 peeraddr=[::1]:8333`,
      {
        ...info,
        ...{ block_hash: hash, height: 840000, winner: 'BIP152/CMPCTBLOCK', winner_peer: 'peer=0 peeraddr=[::1]:8333' },
        ...{ cmpct_ms: 12, cmpct_peer: 'peer=0 peeraddr=[::1]:8333' },
      },
    ],
    [`${race} winner=someone`, { ...info, block_hash: hash, height: 840000 }],
  ]

  it('is taken apart, whatever stands before its message', async (context) => {
    const logs = await collect(context, {
      debugLogs: { 'debug.log': linesOf(cases.map(([message]) => `${time} ${message}`)) },
      expected: cases.length,
    })
    expect(logs.map(({ body, timeNs }) => [body, timeNs])).toEqual(cases.map(([message]) => [`${time} ${message}`, 1795364709776967000n]))
    expect(logs.map(fieldsOf)).toEqual(cases.map(([, fields]) => fields))
  })

  it('has a severity, the name of its log, rotated or not, and of the resource only what Loki indexes by', async (context) => {
    const debugLogs = { 'debug.log.1': `${time} [net:error] x\n`, 'debug.log.2.gz': 'compressed\n' }
    const [log, ...others] = await collect(context, { debugLogs, expected: 1 })
    expect(others).toEqual([])
    expect(log).toMatchObject({ severity: 17, observedNs: 0n, attributes: { 'log.file.name': 'debug.log' } })
    expect(log?.resource).toEqual({ 'service.name': 'bitcoind', job: 'bitcoin', node: '007' })
  })

  it('without a time has the time of its reading', async (context) => {
    const before = BigInt(Date.now()) * 1_000_000n
    const [log] = await collect(context, { debugLogs: { 'debug.log': '[init] [net] x\n' }, expected: 1 })
    expect(log?.timeNs).toBeGreaterThan(before)
    expect(log?.observedNs).toBe(0n)
  })
})

interface VersionedLine {
  readonly version: string
  readonly line: string
  readonly fields: Readonly<Record<string, string | number>>
}

it('lines of all versions are read, `[*] ` before them or not', async (context) => {
  const cases = parse(readFileSync(join(recordings, 'versions.yaml'), 'utf8')) as readonly VersionedLine[]
  const logs = await collect(context, { debugLogs: { 'debug.log': linesOf(cases.map(({ line }) => line)) }, expected: cases.length })
  expect(logs.map((log) => ({ line: log.body, fields: fieldsOf(log) }))).toEqual(cases.map(({ line, fields }) => ({ line, fields })))
  for (const { body, timeNs } of logs) {
    const [, second, fraction = ''] = /^(?:\[\*\] )?(\S+?)(?:\.(\d+))?Z/.exec(String(body)) ?? []
    expect(timeNs).toBe(BigInt(Date.parse(`${second}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0')))
  }
  expect(cases.map(({ version }) => version)).toEqual(
    expect.arrayContaining([...Array.from({ length: 9 }, (_, index) => `Bitcoin Core ${23 + index}`), 'FIBRE']),
  )
})

it('`[*] ` is no part of a message that has no time', async (context) => {
  const lines = ['[*] [msghand] [net] x', '[*] [warning] y']
  const logs = await collect(context, { debugLogs: { 'debug.log': linesOf(lines) }, expected: lines.length })
  expect(logs.map((log) => [log.body, fieldsOf(log)])).toEqual([
    [lines[0], { thread: 'msghand', category: 'net', level: 'debug', suppressing: 'true' }],
    [lines[1], { level: 'warning', suppressing: 'true' }],
  ])
})

it('runs of NUL, left by a power cut, spoil no entry beside them', async (context) => {
  const nul = (count: number) => '\0'.repeat(count)
  const cut = `${time} ${race} winner=FIBRE/UDP winner_peer=a udp=1.00ms udp_peer=a cmpct=n/a cmpct_peer=n/a`
  const entries = [`${time} first`, cut, `${time} [error] second`, `[*] ${time} third`, `${time} fourth`, `${time} last`]
  const text = [
    `${entries[0]}\n${nul(5000)}\n\n\n\n\n\n`, // a line of its own, and what bitcoind writes when it starts
    `${cut}${nul(1)}\n`, // at the end of one
    `${entries[2]}${nul(300_000)}`, // of one that was not ended, and longer than an entry may be
    `${entries[3]}\n${nul(7)}${entries[4]}\n${entries[5]}\n`,
  ].join('')
  const record = (height: number) => `{"schema":1,"time":"${time}","node":"paris","height":${height}}`
  const logs = await collect(context, {
    debugLogs: { 'debug.log': text },
    agentLog: `${nul(100)}{"level":"error","time":"${time}","msg":"a"}\n${nul(9)}\n`,
    journal: `${record(1)}\n${nul(4096)}${record(2)}\n${nul(10)}\n${record(3)}\n`,
    expected: entries.length + 4,
  })
  const ofJob = (job: string) => logs.filter(({ resource }) => resource.job === job)
  expect(ofJob('bitcoin').map(({ body }) => body)).toEqual(entries)
  expect(ofJob('bitcoin').map(({ timeNs }) => timeNs)).toEqual(entries.map(() => 1795364709776967000n))
  expect(ofJob('bitcoin').map(({ attributes: { level, winner } }) => winner ?? level)).toEqual([
    ...['info', 'FIBRE/UDP', 'error', 'info', 'info', 'info'],
  ])
  expect(ofJob('fibre-agent').map(({ attributes }) => attributes.msg)).toEqual(['a'])
  expect(ofJob('fibre-blocks').map(({ attributes }) => attributes.height)).toEqual([1, 2, 3])
})

describe('entries of debug.log', () => {
  const cases: Readonly<Record<string, { readonly text: string | Buffer; readonly entries: readonly string[] }>> = {
    'go on with lines that have no time': {
      text: `${time} CTransaction(hash=4d9e)\n    CTxIn()\n\tCTxOut()\n[\n[1]\n]\n${time} next\n${time} \n\n****\nEXCEPTION: bad\n[init] in msghand   \n${time} last\n`,
      entries: [
        `${time} CTransaction(hash=4d9e)\n    CTxIn()\n\tCTxOut()\n[\n[1]\n]`,
        `${time} next`,
        `${time} \n\n****\nEXCEPTION: bad\n[init] in msghand`,
        `${time} last`,
      ],
    },
    'may be empty, and blank lines are none': {
      text: `\n\n\n\n\n${time} first\n\n \n\n${time}\n${time} \n\n\n${time} last\n\n`,
      entries: [`${time} first`, time, time, `${time} last`],
    },
    'are single lines where none has a time': {
      text: '\n\n\n\n\nBitcoin Core version v30.0.0\nUDP: x\n    1/2 used\n\n[init] [net] y\n2026 begins a line\nend\n',
      entries: ['Bitcoin Core version v30.0.0', 'UDP: x\n    1/2 used', '[init] [net] y', '2026 begins a line', 'end'],
    },
    'lose their time with a restart, and get it back': {
      text: `${time} Shutdown: done\n\n\n\n\n\nBitcoin Core\n[init] x\n\n\n\n\n\n${time} Bitcoin Core\n`,
      entries: [`${time} Shutdown: done`, 'Bitcoin Core', '[init] x', `${time} Bitcoin Core`],
    },
    'may begin in the middle, after a truncation': { text: `ddle of a line\n${time} x\n`, entries: ['ddle of a line', `${time} x`] },
    'are complete without a newline': { text: `${time} first\n${time} last`, entries: [`${time} first`, `${time} last`] },
    'may be 100 kB long': { text: `${time} ${'x'.repeat(1e5)}\n${time} y\n`, entries: [`${time} ${'x'.repeat(1e5)}`, `${time} y`] },
    'come in pieces of 256 KiB': {
      text: `${time} ${'x'.repeat(600_000)}\n${time} y\n`,
      entries: [`${time} ${'x'.repeat(2 ** 18 - 28)}`, 'x'.repeat(2 ** 18), 'x'.repeat(600_000 - 2 ** 19 + 28), `${time} y`],
    },
    'keep what is not UTF-8 as replacement characters': {
      text: Buffer.concat([Buffer.from(`${time} caf`), Buffer.of(0xe9, 0xff), Buffer.from(` €\n${time} y\n`)]),
      entries: [`${time} caf\ufffd\ufffd €`, `${time} y`],
    },
  }
  for (const [name, { text, entries }] of Object.entries(cases)) {
    it(name, async (context) => {
      const logs = await collect(context, { debugLogs: { 'debug.log': text }, expected: entries.length })
      expect(logs.map(({ body }) => body)).toEqual(entries)
    })
  }
})

describe("the agent's log", () => {
  it('keeps its line as body, and its fields beside it', async (context) => {
    const line = '{"level":"warn","time":"2026-11-22T19:27:44.630Z","pid":42,"tracepoint":"udp:block_send_start","msg":"lost events"}'
    const [log] = await collect(context, { agentLog: `${line}\n`, expected: 1 })
    expect(log).toMatchObject({ body: line, timeNs: 1795375664630000000n, observedNs: 0n, severity: 13 })
    expect(log && fieldsOf(log)).toEqual({ level: 'warn', pid: 42, tracepoint: 'udp:block_send_start', msg: 'lost events' })
    expect(log?.resource).toEqual({ 'service.name': 'fibre-agent', job: 'fibre-agent', node: '007' })
  })

  it("names the node itself, or has the Collector's", async (context) => {
    const lines = [
      '{"node":"beta","msg":"a"}',
      '{"msg":"b"}',
      '{"node":"","msg":"c"}',
      '{"node":7,"msg":"d"}',
      'no JSON',
      '{"node":"gamma","msg":"f"}',
    ]
    const logs = await collect(context, { agentLog: linesOf(lines), expected: lines.length })
    const nodes = new Map(logs.map(({ body, resource }) => [body, resource.node]))
    expect(lines.map((line) => nodes.get(line))).toEqual(['beta', '007', '007', '007', '007', 'gamma'])
  })

  it('gives no more fields than Loki takes, and none that is longer', async (context) => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field${index}`, index]))
    const line = JSON.stringify({ level: 'error', msg: 'failed', err: { stack: 'x'.repeat(100_000), cause: { code: 5 } }, many })
    const [log] = await collect(context, { agentLog: `${line}\n`, expected: 1 })
    const fields = log ? fieldsOf(log) : {}
    expect(log?.body).toBe(line)
    expect(fields).toMatchObject({ level: 'error', msg: 'failed' })
    expect(Object.keys(fields).length).toBeLessThan(50)
    expect(Math.max(...Object.values(fields).map((value) => String(value).length))).toBeLessThanOrEqual(1024)
  })
})

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}

function fieldsOf({ attributes: { 'log.file.name': _, ...fields } }: ReceivedLog): Readonly<Record<string, unknown>> {
  return fields
}

interface Files {
  /** Content by name; every name begins with `debug.log`. */
  readonly debugLogs?: Readonly<Record<string, string | Buffer>>
  readonly agentLog?: string
  readonly journal?: string
  readonly expected: number
}

/** Runs the shipped configuration on these files and returns all that it sends until it is told to end. */
async function collect(context: TestContext, { debugLogs = {}, agentLog, journal, expected }: Files): Promise<readonly ReceivedLog[]> {
  await requirePrograms(context, 'otelcol')
  const folder = mkdtempSync(join(tmpdir(), 'fibre-parsing-'))
  try {
    for (const [name, content] of Object.entries(debugLogs)) writeFileSync(join(folder, name), content)
    if (agentLog !== undefined) writeFileSync(join(folder, 'agent.log'), agentLog)
    if (journal !== undefined) writeFileSync(join(folder, 'blocks.ndjson'), journal)
    using receiver = await startLogReceiver()
    await using collector = await startCollector({
      configs: [shipped('config.yaml'), receiver.overlay],
      env: {
        BITCOIN_DEBUG_LOG: join(folder, 'debug.log'),
        FIBRE_LOG_FILE: join(folder, 'agent.log'),
        FIBRE_JOURNAL: join(folder, 'blocks.ndjson'),
        FIBRE_NODE_NAME: '007',
        COLLECTOR_STATE_DIR: join(folder, 'state'),
        LOG_START_AT: 'beginning',
      },
    })
    await until(() => receiver.received.length >= expected, `${expected} records`, 60_000)
    await collector.stop()
    return receiver.received
  } finally {
    rmSync(folder, { recursive: true })
  }
}
