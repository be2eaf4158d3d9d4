import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isBlockRecord } from '../../../agent/blocks/record.ts'
import { type AgentProcess, startAgentProcess } from '../../harness/agent.ts'
import fc, { propertyOptions } from '../../harness/fast-check.ts'
import type { Scrape } from '../../harness/scrape.ts'
import { until } from '../../harness/until.ts'
import { type ExpectedRecord, withinMicrosecond } from '../blocks/expected-record.ts'
import { expectedRecords, NODES, recording, recordingFile } from '../blocks/recorded.ts'
import { recordingOf, temporaryPath } from './recordings.ts'

const bundle = join(import.meta.dirname, '../../../dist/agent.cjs')

const startReplay = (words: readonly string[], args: readonly string[] = []) =>
  startAgentProcess({ command: [bundle, 'replay', ...words], args, untilListening: false })

/** Replays the recording with a journal of its own, to the end. */
async function replayAll() {
  const journal = temporaryPath('blocks.ndjson')
  const agent = await startReplay([recordingFile], ['--speed', 'max', '--journal', journal])
  await agent.logged(({ msg }) => msg === 'replayed')
  const { blocks } = await getJson<{ blocks: readonly unknown[] }>(agent, '/api/v1/blocks?limit=2000')
  await until(() => recordsIn(journal).length === blocks.length, 'the last records')
  return { agent, journal }
}

type Path = 'fibre_udp' | 'bip152_cmpct' | 'other' | 'no_race' | 'unknown'
type JournalRecord = ExpectedRecord & { readonly node: string; readonly block_hash: string; readonly path: Path; readonly time: string }

const recordsIn = (journal: string): readonly JournalRecord[] =>
  readFileSync(journal, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

async function getJson<T>(agent: AgentProcess, path: string): Promise<T> {
  const response = await fetch(`${agent.url('metrics')}${path}`)
  return (await response.json()) as T
}

/** The page without what depends on when and where it was made. */
const lasting = (page: Scrape) =>
  page.samples.filter(({ name }) => !/^(process_|target_info|fibre_exporter_(start_time|event_loop|clock))/.test(name))

describe('a recording that the program replays', () => {
  it('fills journal, page and metrics with the same blocks, as the recording says', { timeout: 30_000 }, async () => {
    const { agent, journal } = await replayAll()
    await using _ = agent
    const records = recordsIn(journal)
    const [status, { blocks }, scrape] = await Promise.all([
      getJson<{ nodes: readonly { node: string }[] }>(agent, '/api/v1/status'),
      getJson<{ blocks: readonly JournalRecord[] }>(agent, '/api/v1/blocks?limit=2000'),
      agent.scrape(),
    ])

    const byKey = (some: readonly JournalRecord[]) => new Map(some.map((record) => [`${record.node} ${record.block_hash}`, record]))
    expect(blocks).toHaveLength(records.length)
    expect(byKey(blocks)).toEqual(byKey(records))

    for (const node of NODES) {
      const own = records.filter((record) => record.node === node)
      const expected = expectedRecords(node)
      expect(own.map(({ block_hash }) => block_hash).toSorted()).toEqual([...expected.keys()].toSorted())
      for (const record of own) expect(withinMicrosecond(record, expected.get(record.block_hash))).toEqual(expected.get(record.block_hash))

      const count = (path: Path) => own.filter((record) => record.path === path).length
      const paths = { fibre_udp: count('fibre_udp'), bip152_cmpct: count('bip152_cmpct'), other: count('other') }
      const shown = status.nodes.find((each) => each.node === node)
      expect(shown).toMatchObject({
        up: true,
        last_height: Math.max(...own.map(({ height }) => Number(height))),
        since_start: { blocks: own.length, wins: paths, events_lost: 0 },
        held: { blocks: own.length, connected: own.length, paths: { ...paths, no_race: count('no_race'), unknown: 0 } },
      })
      expect(scrape.value('bitcoin_blocks_connected_total', { node })).toBe(own.length)
      expect(scrape.value('fibre_blocks_without_race_total', { node })).toBe(count('no_race'))
      expect(scrape.value('fibre_exporter_journal_records_total', { node })).toBe(own.length)
      for (const [mechanism, wins] of Object.entries(paths))
        expect(scrape.value('fibre_block_race_wins_total', { node, mechanism })).toBe(wins)
    }
    expect(scrape.sum('fibre_exporter_events_processed_total')).toBe(recording.length)
    expect(scrape.sum('fibre_exporter_errors_total')).toBe(0)
  })

  it('twice, yields the same journal and the same page', { timeout: 30_000 }, async () => {
    const [once, again] = [await replayAll(), await replayAll()]
    await using first = once.agent
    await using second = again.agent
    expect(readFileSync(again.journal, 'utf8')).toBe(readFileSync(once.journal, 'utf8'))
    expect(lasting(await second.scrape())).toEqual(lasting(await first.scrape()))
  })

  it('is never told as a process that runs, and has ended when all of it is replayed', { timeout: 30_000 }, async () => {
    const { agent } = await replayAll()
    await using _ = agent
    const { nodes } = await getJson<{ nodes: readonly object[] }>(agent, '/api/v1/status')
    expect(nodes).toMatchObject(NODES.map((node) => ({ node, executable: recordingFile, replay: 'replayed' })))
    for (const node of nodes) expect(node).not.toHaveProperty('pid')
    expect(agent.log.map(({ msg }) => msg)).not.toContain('attached to bitcoind')
    const page = await (await fetch(agent.url('metrics'))).text()
    expect(page).toContain('The replay has ended.')
    expect(page).not.toMatch(/>running<|process 0/i)
  })

  it('of a build without block_connected has its blocks all the same: each once its race is known', { timeout: 30_000 }, async () => {
    const lines = readFileSync(recordingFile, 'utf8').trim().split('\n')
    const recording = recordingOf(...lines.filter((line) => !line.includes('validation:block_connected')))
    await using agent = await startReplay([recording], ['--speed', 'max'])
    await agent.logged(({ msg }) => msg === 'replayed')
    const { blocks } = await getJson<{ blocks: readonly JournalRecord[] }>(agent, '/api/v1/blocks?limit=2000')
    const { nodes } = await getJson<{ nodes: readonly { last_height: number }[] }>(agent, '/api/v1/status')
    const raced = lines.filter((line) => line.includes('udp:block_race_time'))
    expect(blocks.filter(({ winner }) => winner !== undefined)).toHaveLength(raced.length)
    expect(Math.max(...nodes.map(({ last_height }) => last_height))).toBe(Math.max(...blocks.map(({ height }) => Number(height ?? 0))))
    const page = await (await fetch(agent.url('metrics'))).text()
    expect(page).not.toContain('No block yet: rates')
    expect(page).toContain('connections are not told of (validation:block_connected is not attached)')
  })

  it('ends the program where that is asked for', { timeout: 30_000 }, async () => {
    const journal = temporaryPath('blocks.ndjson')
    const agent = await startReplay([recordingFile], ['--speed', 'max', '--exit', '--journal', journal])
    expect(await agent.exited).toEqual({ code: 0, signal: null, stderr: '' })
    expect(recordsIn(journal)).toHaveLength(160)
  })

  it('goes on to its end, whatever numbers and texts it holds', propertyOptions, async () => {
    const lines = readFileSync(recordingFile, 'utf8').split('\n').slice(0, -1)
    const line = fc.nat(lines.length - 1).chain((index) => fc.record({ index: fc.constant(index), key: keyOf(lines[index] as string) }))
    const changes = fc.array(fc.record({ line, value: fc.constantFrom(...strangeValues) }), { maxLength: lines.length, size: 'max' })
    const property = fc.asyncProperty(fc.noBias(changes), async (changes) => {
      const events = lines.map((line) => JSON.parse(line))
      for (const { line, value } of changes) events[line.index][line.key] = value
      const strange = recordingOf(...events, '['.repeat(60_000), `{"ts_ns":${'9'.repeat(400)}}`)
      const journal = temporaryPath('blocks.ndjson')
      const agent = await startReplay([strange], ['--speed', 'max', '--exit', '--journal', journal, '--slow-threshold-ms', '0.001'])
      expect(await agent.exited).toEqual({ code: 0, signal: null, stderr: '' })
      expect(agent.log).toContainEqual(expect.objectContaining({ msg: 'replayed', unreadable: expect.any(Number) }))
      expect(agent.log.find(({ msg }) => msg === 'replayed')?.events).toBeGreaterThan(lines.length / 2)
      const records = recordsIn(journal)
      expect(records.length).toBeGreaterThan(50)
      for (const record of records) expect(isBlockRecord(record), JSON.stringify(record)).toBe(true)
    })
    await fc.assert(property, { numRuns: 3 })
  })

  it('can be stopped in the middle of it', { timeout: 30_000 }, async () => {
    const agent = await startReplay([recordingFile], ['--speed', '1'])
    await agent.logged(({ msg }) => msg === 'replaying')
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0, signal: null })
    expect(agent.log.slice(-2)).toMatchObject([{ events: expect.any(Number), msg: 'replay stopped' }, { msg: 'stopped' }])
  })
})

it.each([
  [[], 2, 'replay: name the recording\nUsage: fibre-agent replay FILE'],
  [['events.jsonl', '--record', './events.jsonl'], 2, 'replay: --record names the file that is replayed\nUsage'],
  [[recordingFile, '--speed', 'fast'], 2, 'replay: --speed: must be a number'],
  [['missing.jsonl'], 1, 'the recording "missing.jsonl" does not exist'],
])('a replay of %j ends with code %d and says: %s', { timeout: 30_000 }, async (words, code, problem) => {
  const agent = await startAgentProcess({ command: [bundle, 'replay', ...words], ports: false, untilListening: false })
  const exit = await agent.exited
  expect(exit.code).toBe(code)
  expect(exit.stderr).toContain(problem)
})

it('a file without events is refused by name', { timeout: 30_000 }, async () => {
  const empty = recordingOf('not an event')
  const agent = await startReplay([empty])
  expect((await agent.exited).code).toBe(1)
  expect((await agent.exited).stderr).toContain(`${empty} holds no event`)
})

/** Values that no tracepoint passes. */
const strangeValues = [
  1e300,
  -1e300,
  2 ** 63,
  -(2 ** 63),
  2 ** 53,
  9e15,
  1e15,
  -1,
  0.5,
  '',
  'x'.repeat(60_000),
  '\u0000',
  null,
  [],
  {},
  true,
  '1',
]

/** A key of that event, the one for its time on the wall clock more often than others. */
const keyOf = (line: string) => fc.constantFrom(...Object.keys(JSON.parse(line)), 'unix_us', 'unix_us')
