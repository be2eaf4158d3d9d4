import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { recordedTracepoints, tracepoints } from '../../agent/tracepoints/index.ts'
import { attachedByDefault, type DemoNode, type Fired, probes, startDemoNode } from '../demo-node/demo-node.ts'
import { type Recorded, readRecording } from '../demo-node/recording.ts'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf, total } from '../harness/listening.ts'
import type { Scrape } from '../harness/scrape.ts'
import { until } from '../harness/until.ts'
import { expectedPage, keyOf } from './expected-page.ts'

const directory = mkdtempSync(join(tmpdir(), 'exact-'))
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(requireBpf)

const NODE = 'exact'

const isFired = (probe: string) => probes.some((fired) => fired === probe)

/** By probe, of what the node fires. */
const eventTypes: Readonly<Record<string, string>> = Object.fromEntries(
  tracepoints.filter(({ probe }) => isFired(probe)).map(({ probe, eventType }) => [probe, eventType]),
)
/** Metrics of tracepoints that the node does not have: they stay as they begin. */
const untouched = new Set(tracepoints.filter(({ probe }) => !isFired(probe)).flatMap(({ metrics }) => metrics.map(({ name }) => name)))
/** What only messages tell, and other blocks at a height: the node fires none of either. */
const isUntold = (name: string) =>
  /^(bitcoin_(block_announce|compact_block_|competing|headers_without|reorganisation)|fibre_race_head_start_measured)/.test(name)

const startAgent = async (node: DemoNode) => {
  const agent = await startAgentProcess({ args: ['--pid', String(node.pid), '--node-name', NODE] })
  expect(await node.command(`wait ${probes.length}`)).toEqual({ command: 'wait', attached: true })
  return agent
}

const countByType = (events: Fired['events']) =>
  Object.fromEntries(Object.entries(events).map(([probe, count]) => [eventTypes[probe], count]))

/** Values of a metric on the page, by type of event. */
const byType = (page: Scrape, name: string) =>
  Object.fromEntries(Object.values(eventTypes).map((event_type) => [event_type, page.value(name, { event_type })]))
const processed = (page: Scrape) => byType(page, 'fibre_exporter_events_processed_total')
const lost = (page: Scrape) => byType(page, 'fibre_exporter_events_lost_total')
const none = Object.fromEntries(Object.values(eventTypes).map((type) => [type, 0]))

/** The page once it tells of so many events, handed over or lost. */
const pageOf = async (agent: AgentProcess, events: number): Promise<Scrape> => {
  let page = await agent.scrape()
  const told = () => page.sum('fibre_exporter_events_processed_total') + page.sum('fibre_exporter_events_lost_total')
  await until(async () => {
    page = await agent.scrape()
    return told() >= events
  }, `${events} events`)
  return page
}

/** The page once every block that came without a race has been judged: that takes 5 s. */
const finalPage = async (agent: AgentProcess, expected: ReadonlyMap<string, number>): Promise<Scrape> => {
  const name = 'fibre_blocks_without_race_total'
  const count = expected.get(keyOf({ name, labels: { node: NODE } })) as number
  await until(async () => ((await agent.scrape()).value(name) ?? 0) >= count, `${count} blocks without a race`)
  return agent.scrape()
}

/** Samples of blocks: all that a node's events decide, but for the paths, which count once no late compact block is waited for. Sums that differ in their last digits only are shown as expected. */
const blockSamples = (page: Scrape, expected: ReadonlyMap<string, number>) => {
  const samples = page.samples.filter(
    ({ name }) => /^(fibre|bitcoin)_(?!exporter_|last_block_connected_|blocks_total)/.test(name) && !untouched.has(name) && !isUntold(name),
  )
  const agreed = (value: number, wanted = Number.NaN) => (Math.abs(value - wanted) <= 1e-9 * Math.abs(wanted) ? wanted : value)
  return new Map(samples.map((sample) => [keyOf(sample), agreed(sample.value, expected.get(keyOf(sample)))]))
}

/** Expects the values that are 0, or known, whatever is fired. */
const expectUntroubled = (page: Scrape) => {
  expect(lost(page)).toEqual(none)
  const fields = recordedTracepoints.flatMap(({ args }) => Object.keys(args))
  expect(page.series('fibre_exporter_field_errors_total')).toHaveLength(fields.length)
  expect(page.sum('fibre_exporter_field_errors_total')).toBe(0)
  expect(page.sum('fibre_exporter_errors_total')).toBe(0)
  expect(page.value('fibre_exporter_events_processed_total', { event_type: 'unknown' })).toBe(0)
  expect(page.value('fibre_exporter_probes_attached')).toBe(attachedByDefault.length)
  for (const name of untouched) expect(page.sum(name), name).toBe(0)
  for (const { name, value } of page.samples.filter(({ name }) => isUntold(name))) expect([name, value]).toEqual([name, 0])
}

const unixSeconds = ({ ts_ns }: Recorded) => ts_ns / 1e9 + Date.now() / 1e3 - Number(process.hrtime.bigint()) / 1e9

describe('every counter, sum and bucket equals what was sent', () => {
  it('for 100,000 events of all eight kinds at 20,000 a second', async () => {
    const recording = join(directory, 'load.jsonl')
    await using node = await startDemoNode({ args: ['--control', '--record', recording] })
    await using agent = await startAgent(node)
    const { events, seconds } = await node.command('events 100000 20000')
    expect(total(events)).toBe(100_000)
    expect(Math.min(...Object.values(events))).toBeGreaterThan(0)
    expect(seconds).toBeLessThan(7)

    const fired = readRecording(recording)
    const expected = expectedPage(fired, NODE)
    for (const [key, value] of expected) if (/fibre_races_total|head_start\w*_count/.test(key)) expect([key, value]).not.toEqual([key, 0])
    const page = await finalPage(agent, expected)
    expect(blockSamples(page, expected)).toEqual(expected)
    expect(processed(page)).toEqual(countByType(events))
    expectUntroubled(page)
    expect(page.value('fibre_exporter_event_delay_seconds_count')).toBe(100_000)

    const lastConnected = fired.findLast(({ probe }) => probe === 'validation:block_connected') as Recorded
    const shown = page.value('fibre_last_block_connected_timestamp_seconds') ?? Number.NaN
    expect(Math.abs(shown - unixSeconds(lastConnected))).toBeLessThan(0.05)
  })

  it('where the events of each block come twice: they count, its race does not', async () => {
    const recording = join(directory, 'twice.jsonl')
    await using node = await startDemoNode({ args: ['--control', '--record', recording] })
    await using agent = await startAgent(node)
    await node.command('blocks 300')
    const again = join(directory, 'again.jsonl')
    copyFileSync(recording, again)
    await node.command(`replay ${again} 0`)
    const fired = readRecording(recording)
    const expected = expectedPage(fired, NODE)
    expect(expected.get(keyOf({ name: 'bitcoin_blocks_connected_total', labels: { node: NODE } }))).toBe(600)
    expect(blockSamples(await finalPage(agent, expected), expected)).toEqual(expected)
  })
})

describe('fired flat out', () => {
  it('a burst of 10,000 is received whole', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using agent = await startAgent(node)
    const { events } = await node.command('events 10000 0')
    const page = await pageOf(agent, 10_000)
    expect(processed(page)).toEqual(countByType(events))
    expectUntroubled(page)
  })

  it.for([
    [5, 1],
    [3, 2],
  ])(
    'for %i s from %i threads: received + lost = sent, to the event, and scrapes that are asked meanwhile are answered',
    async ([seconds, threads]) => {
      await using node = await startDemoNode({ args: ['--control', '--threads', String(threads)] })
      await using agent = await startAgent(node)
      const flood = node.command(`flood ${seconds}`)
      let isOver = false
      const end = () => {
        isOver = true
      }
      flood.then(end, end)
      let slowestMs = 0
      do {
        const asked = performance.now()
        await agent.scrape()
        slowestMs = Math.max(slowestMs, performance.now() - asked)
      } while (!isOver)
      expect(slowestMs).toBeLessThan(10_000)

      const { events } = await flood
      const page = await pageOf(agent, total(events))
      const [received, missed] = [processed(page), lost(page)]
      const sums = Object.entries(received).map(([type, count]) => [type, (count ?? 0) + (missed[type] ?? 0)])
      expect(Object.fromEntries(sums)).toEqual(countByType(events))

      agent.kill('SIGTERM')
      await agent.exited
      const told = agent.log.filter(({ msg }) => msg.startsWith('no more events are lost')).map(({ lost }) => Number(lost))
      expect(told.reduce((sum, lost) => sum + lost, 0)).toBe(Object.values(missed).reduce<number>((sum, lost) => sum + (lost ?? 0), 0))
    },
  )
})
