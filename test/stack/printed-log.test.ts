import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, type TestContext } from 'vitest'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { type LogOptions, parseEntry } from './debug-log.ts'
import { type JournalRecord, openJournal, requireJournal } from './journal.ts'
import { jsonFile } from './json-file.ts'
import { startCollector } from './otelcol.ts'
import { type ReceivedLog, startLogReceiver } from './otlp-logs.ts'
import { requirePrograms } from './requirements.ts'
import { renameRotated } from './rotated-log.ts'
import { shipped } from './shipped.ts'

const recordings = join(import.meta.dirname, '../fixtures/logs')
const time = '2026-11-22T16:25:09.776967Z'
const timeNs = 1795364709776967000n
/** When journald or Docker took a line, which is later. */
const takenUs = 1795364710000123
const taken = '2026-11-22T16:25:10.000123456Z'
const KILLS = 6

const plain: LogOptions = { timestamps: true, threadNames: false, sourceLocations: false }
const recorded: Readonly<Record<string, LogOptions>> = {
  'default.log': plain,
  'source-locations.log': { ...plain, threadNames: true, sourceLocations: true },
  'mocktime.log': plain,
  'no-timestamps.log': { ...plain, timestamps: false, threadNames: true },
}

describe('what bitcoind prints, in the journal of systemd', () => {
  it.for(Object.entries(recorded))('is read as debug.log is, in every field, every line once: %s', async ([file, options], context) => {
    const lines = linesOf(readFileSync(join(recordings, file), 'utf8'))
    const logs = await fromJournal(context, lines.map(record), lines.length)
    expect(logs.map(({ body, timeNs: ns, attributes }) => ({ line: body, timeNs: ns, attributes }))).toEqual(
      lines.map((line) => {
        const { timeNs: own, fields } = parseEntry(line, options)
        return {
          line: line.trimEnd(),
          timeNs: own ?? BigInt(takenUs) * 1_000n,
          attributes: { ...fields, 'log.file.name': 'bitcoind.service' },
        }
      }),
    )
  })

  it('has the labels of debug.log, and no line of another unit or of systemd', async (context) => {
    const of = (fields: JournalRecord['fields'], message: string) => ({ ...record(message), ...(fields && { fields }) })
    const records = [
      of({ _SYSTEMD_UNIT: 'init.scope', UNIT: 'bitcoind.service', _PID: '1', PRIORITY: '6' }, 'Started Bitcoin daemon.'),
      of({ _SYSTEMD_UNIT: 'sshd.service', PRIORITY: '6' }, 'Server listening on :: port 22.'),
      of({ _SYSTEMD_UNIT: 'bitcoind.service', PRIORITY: '7' }, `${time} [net:error] x`),
    ]
    const [log, ...others] = await fromJournal(context, records, 1)
    expect(others).toEqual([])
    expect(log).toMatchObject({ body: `${time} [net:error] x`, timeNs, severity: 17, observedNs: 0n })
    expect(log?.resource).toEqual({ 'service.name': 'bitcoind', job: 'bitcoin', node: '007' })
  })

  it('may be long, and may hold any byte', async (context) => {
    const messages = [
      `${time} ${'x'.repeat(48 * 1024 - 28)}`, // LineMax= of journald
      Buffer.concat([Buffer.from(`${time} caf`), Buffer.of(0xe9, 0xff), Buffer.from(' €\t')]),
      `${time} \u001b[1m`,
      '',
      '\0\0',
      `${time} last`,
    ]
    const logs = await fromJournal(context, messages.map(record), 4)
    expect(logs.map(({ body }) => body)).toEqual([messages[0], `${time} caf\ufffd €`, `${time} \u001b[1m`, `${time} last`])
  })

  it('is there in its order, every line, when the Collector was killed over and over', async (context) => {
    await requirePrograms(context, 'otelcol')
    requireJournal(context)
    const { path, folder } = stage()
    using receiver = await startLogReceiver()
    await using journal = await openJournal(folder('journal'))
    const written: string[] = []
    const write = () => journal.write(nextLines(written, 100).map(record))
    for (let kill = 0; kill <= KILLS; kill++) {
      const before = receiver.received.length
      await using collector = await start({
        overlay: 'from-journald.yaml',
        configs: [inJournal(journal.folder), receiver.overlay],
        state: path('state'),
        env: { JOURNALCTL: shipped('journalctl-again.sh'), LOG_START_AT: kill === 0 ? 'beginning' : 'end' },
      })
      await until(() => write().then(() => receiver.received.length > before), 'the first lines', 60_000)
      if (kill === KILLS) await until(() => bodies(receiver.received).has(written.at(-1) ?? ''), 'the last line', 60_000)
      await collector.stop(kill === KILLS ? 'SIGTERM' : 'SIGKILL')
    }
    expect(inOrder(receiver.received)).toEqual(written)
    expect(folded(receiver.received)).toHaveLength(written.length)
  })
})

describe("what bitcoind prints, in Docker's files", () => {
  it.for(Object.entries(recorded))('is read as debug.log is, in every field, every line once: %s', async ([file, options], context) => {
    const text = readFileSync(join(recordings, file), 'utf8')
    const lines = linesOf(text)
    const logs = await fromDocker(context, { 'c-json.log': jsonFile(text, taken) }, lines.length)
    expect(logs.map(({ body, timeNs: ns, attributes }) => ({ line: body, timeNs: ns, attributes }))).toEqual(
      lines.map((line) => {
        const { timeNs: own, fields } = parseEntry(line, options)
        return { line: line.trimEnd(), timeNs: own ?? 1795364710000123456n, attributes: { ...fields, 'log.file.name': 'c-json.log' } }
      }),
    )
  })

  const long = (length: number) => 'a 2 [*] <&> "\\n\\" '.repeat(length / 19)
  const cases: Readonly<Record<string, { readonly printed: string | Buffer; readonly entries: readonly string[] }>> = {
    'are whole where Docker has split a line at 16 KiB': {
      printed: [16_000, 17_000, 40_000, 100_000, 200_000].map((length) => `${time} ${long(length)}.\n`).join(''),
      entries: [16_000, 17_000, 40_000, 100_000, 200_000].map((length) => `${time} ${long(length)}.`),
    },
    'are whole where a line ends with a piece, or has no time': {
      printed: `${time} ${'x'.repeat(16_384 - 28)}\n${'y'.repeat(40_000)}\n${time} ${'z'.repeat(16_384 - 29)}\n${time} last\n`,
      entries: [`${time} ${'x'.repeat(16_384 - 28)}\n${'y'.repeat(40_000)}`, `${time} ${'z'.repeat(16_384 - 29)}`, `${time} last`],
    },
    'go on with lines that have no time': {
      printed: `${time} CTransaction(hash=4d9e)\n    CTxIn()\n\tCTxOut()\n[\n[1]\n]\n${time} next\n[*] ${time} \n\n****\nEXCEPTION: bad\n"\\n\n[init] in msghand   \n${time} last\n`,
      entries: [
        `${time} CTransaction(hash=4d9e)\n    CTxIn()\n\tCTxOut()\n[\n[1]\n]`,
        `${time} next`,
        `[*] ${time} \n\n****\nEXCEPTION: bad\n"\\n\n[init] in msghand`,
        `${time} last`,
      ],
    },
    'are single lines where none has a time': {
      printed: '\n\n\n\n\nBitcoin Core version v30.0.0\nUDP: x\n    1/2 used\n\n[init] [net] y\n2026 begins a line\n"\nend\n',
      entries: ['Bitcoin Core version v30.0.0', 'UDP: x\n    1/2 used', '[init] [net] y', '2026 begins a line', '"', 'end'],
    },
  }
  it.for(Object.entries(cases))('%s', async ([, { printed, entries }], context) => {
    const logs = await fromDocker(context, { 'c-json.log': jsonFile(printed, taken, 'a, "tag"') }, entries.length)
    expect(logs.map(({ body }) => body)).toEqual(entries)
    expect(new Set(logs.flatMap(({ attributes }) => Object.keys(attributes)))).not.toContain('attrs')
  })

  it('has the labels of debug.log, the name of its file, rotated or not, and spoils no neighbour of what a power cut broke', async (context) => {
    const files = {
      'c-json.log.1': `${jsonFile(`${time} [net:error] x\n`, taken)}{"log":"2026-1\n${'\0'.repeat(5_000)}\n`,
      'c-json.log.2.gz': 'compressed\n',
    }
    const logs = await fromDocker(context, { ...files, 'c-json.log': `${'\0'.repeat(9)}${jsonFile(`${time} y\n`, taken)}` }, 3)
    expect(logs.map(({ body }) => body).sort()).toEqual([`${time} [net:error] x`, `${time} y`, '{"log":"2026-1'].sort())
    const log = logs.find(({ body }) => body === `${time} [net:error] x`)
    expect(log).toMatchObject({ timeNs, severity: 17, observedNs: 0n, attributes: { 'log.file.name': 'c-json.log' } })
    expect(log?.resource).toEqual({ 'service.name': 'bitcoind', job: 'bitcoin', node: '007' })
  })

  it('is there in its order, every line, when the Collector was killed over and over and Docker rotated', async (context) => {
    await requirePrograms(context, 'otelcol')
    const { path, folder } = stage()
    const file = join(folder('container'), 'c-json.log')
    using receiver = await startLogReceiver()
    const written: string[] = []
    const write = () => writeFileSync(file, jsonFile(nextLines(written, 10, long(20_000)).join('\n').concat('\n'), taken), { flag: 'a' })
    for (let kill = 0; kill <= KILLS; kill++) {
      const before = receiver.received.length
      await using collector = await start({
        overlay: 'from-docker.yaml',
        configs: [receiver.overlay],
        state: path('state'),
        env: { BITCOIN_DEBUG_LOG: file, LOG_START_AT: 'beginning' },
      })
      const goOn = () => {
        write()
        return receiver.received.length > before
      }
      await until(goOn, 'the first lines', 60_000)
      renameRotated(file)
      const enough = written.length + 10 * 8 * kill // each kill at another moment between two looks at the file
      await until(() => goOn() && written.length >= enough, 'more lines', 60_000)
      if (kill === KILLS) await until(() => bodies(receiver.received).size >= written.length, 'all lines', 60_000)
      await collector.stop('SIGKILL')
    }
    expect(inOrder(receiver.received)).toEqual(written)
    expect(folded(receiver.received)).toHaveLength(written.length)
  })
})

const record = (message: string | Buffer): JournalRecord => ({ message, timeUs: takenUs })
const linesOf = (text: string) => text.split('\n').filter((line) => line.trim() !== '')
const bodies = (logs: readonly ReceivedLog[]) => new Set(logs.map(({ body }) => String(body)))
/** As a store has them: what is sent again after a kill comes late, and twice. */
const inOrder = (logs: readonly ReceivedLog[]) => [...bodies(logs.toSorted((a, b) => Number(a.timeNs - b.timeNs)))]
/** Those that are the same in every field as one. */
const folded = (logs: readonly ReceivedLog[]) => [
  ...new Set(logs.map(({ body, timeNs: ns, resource, attributes }) => [body, ns, ...[resource, attributes].map(sorted)].join('\n'))),
]
const sorted = (fields: Readonly<Record<string, unknown>>) => JSON.stringify(Object.entries(fields).sort())
/** The next few lines, each of another microsecond; the last ends with this. */
function nextLines(written: string[], count: number, ending = ''): readonly string[] {
  const lines = Array.from({ length: count }, (_, index) => {
    const number = written.length + index
    return `2026-11-22T16:25:09.${100_000 + number}Z number=${number}${index === count - 1 ? ending : ''}.`
  })
  written.push(...lines)
  return lines
}
const inJournal = (folder: string) => `yaml:receivers: {journald/bitcoind: {directory: '${folder}'}}`

async function fromJournal(context: TestContext, records: readonly JournalRecord[], expected: number): Promise<readonly ReceivedLog[]> {
  await requirePrograms(context, 'otelcol')
  requireJournal(context)
  const { path, folder } = stage()
  await using journal = await openJournal(folder('journal'))
  await journal.write(records)
  using receiver = await startLogReceiver()
  await using collector = await start({
    overlay: 'from-journald.yaml',
    configs: [inJournal(journal.folder), receiver.overlay],
    state: path('state'),
    env: { JOURNALCTL: shipped('journalctl-again.sh'), LOG_START_AT: 'beginning' },
  })
  await until(() => receiver.received.length >= expected, `${expected} records`, 60_000)
  await collector.stop()
  return receiver.received
}

async function fromDocker(
  context: TestContext,
  files: Readonly<Record<string, string>>,
  expected: number,
): Promise<readonly ReceivedLog[]> {
  await requirePrograms(context, 'otelcol')
  const { path, folder } = stage()
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder('container'), name), content)
  using receiver = await startLogReceiver()
  await using collector = await start({
    overlay: 'from-docker.yaml',
    configs: [receiver.overlay],
    state: path('state'),
    env: { BITCOIN_DEBUG_LOG: path('container/c-json.log'), LOG_START_AT: 'beginning' },
  })
  await until(() => receiver.received.length >= expected, `${expected} records`, 60_000)
  await collector.stop()
  return receiver.received
}

interface Start {
  readonly overlay: string
  /** Configurations over it. */
  readonly configs: readonly string[]
  readonly state: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts a Collector as it is shipped, with one of the files that go over its configuration. */
function start({ overlay, configs, state, env }: Start) {
  return startCollector({
    configs: [shipped('config.yaml'), shipped(overlay), ...configs],
    env: {
      PATH: process.env.PATH ?? '',
      FIBRE_NODE_NAME: '007',
      FIBRE_LOG_FILE: `${state}/none`,
      FIBRE_JOURNAL: `${state}/none`,
      COLLECTOR_STATE_DIR: state,
      ...env,
    },
  })
}
