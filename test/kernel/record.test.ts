import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { type Probe, startDemoNode } from '../demo-node/demo-node.ts'
import { fieldsOf, readRecording } from '../demo-node/recording.ts'
import { startAgentProcess, withoutMessages } from '../harness/agent.ts'
import { requireBpf, total } from '../harness/listening.ts'
import type { Scrape } from '../harness/scrape.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const NODE = 'recorded'
const EVENTS = 10_000
const bundle = join(import.meta.dirname, '../../dist/agent.cjs')

type Line = { readonly ts_ns: number; readonly unix_us: number; readonly node: string; readonly probe: Probe } & Readonly<
  Record<string, unknown>
>

const linesOf = (file: string): readonly Line[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** `chunksUsed` to `chunks_used`. */
const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Samples that follow from a node's events, and counts of events. */
const figures = (page: Scrape) =>
  page.samples.filter(({ name }) =>
    /^((fibre|bitcoin)_(?!exporter_|last_block_connected_)|fibre_exporter_(events|field_errors|errors))/.test(name),
  )
const lastConnected = (page: Scrape) => page.value('fibre_last_block_connected_timestamp_seconds') ?? Number.NaN

/** The page once every block was told of that came without a race: that takes 5 s. */
async function finalPage(agent: { scrape(): Promise<Scrape> }): Promise<Scrape> {
  let page = await agent.scrape()
  const connected = () => page.value('bitcoin_blocks_connected_total') ?? 0
  const judged = () =>
    page.sum('fibre_races_total') + page.sum('fibre_blocks_without_race_total') + page.sum('bitcoin_blocks_caught_up_total')
  await until(
    async () => {
      page = await agent.scrape()
      return page.sum('fibre_exporter_events_processed_total') === EVENTS && judged() >= connected()
    },
    'all blocks to be judged',
    30_000,
  )
  return page
}

it('what is recorded is what the node fired, and measures the same when it is replayed', async () => {
  const { path } = stage()
  const [fired, recording] = [path('fired.jsonl'), path('events.jsonl')]
  await using node = await startDemoNode({ args: ['--control', '--record', fired] })
  // What the kernel only counts is in no recording.
  const args = ['--pid', String(node.pid), '--node-name', NODE, '--record', recording, ...withoutMessages]
  await using agent = await startAgentProcess({ args })
  expect(await node.command('wait 8')).toMatchObject({ attached: true })
  const { events } = await node.command(`events ${EVENTS} 10000`)
  expect(total(events)).toBe(EVENTS)
  expect(Math.min(...Object.values(events))).toBeGreaterThan(0)
  const live = await finalPage(agent)
  agent.kill('SIGTERM')
  expect(await agent.exited).toMatchObject({ code: 0 })

  const recorded = linesOf(recording)
  const own = readRecording(fired)
  const withoutTimes = ({ ts_ns, unix_us, ...rest }: Line) => rest
  expect(recorded.map(withoutTimes)).toEqual(
    own.map((event) => {
      const fields = Object.entries(fieldsOf(event)).map(([name, value]) => [snakeCase(name), value])
      return { node: NODE, probe: event.probe, ...Object.fromEntries(fields) }
    }),
  )
  const bootUs = Date.now() * 1e3 - Number(process.hrtime.bigint()) / 1e3
  for (const [i, { ts_ns, unix_us }] of recorded.entries()) {
    expect(ts_ns).toBeGreaterThanOrEqual(own[i]?.ts_ns as number)
    expect(Math.abs(unix_us - ts_ns / 1e3 - bootUs)).toBeLessThan(100_000)
  }
  expect((statSync(recording).mode & 0o777).toString(8)).toBe('640')

  await using replay = await startAgentProcess({ command: [bundle, 'replay', recording], args: ['--speed', 'max'] })
  await replay.logged(({ msg }) => msg === 'replayed')
  const page = await replay.scrape()
  expect(figures(page)).toEqual(figures(live))
  expect(lastConnected(page)).toBeCloseTo(lastConnected(live), 5)
})
