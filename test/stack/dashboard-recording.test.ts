import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { fieldsOf, type Recorded, readRecording } from '../demo-node/recording.ts'
import { eventOf } from '../unit/blocks/events.ts'
import { builtBinary } from './binaries.ts'
import { namesAskedFor, type PanelQuery, readDashboards } from './dashboard-queries.ts'
import { boundsIn, figureOf } from './expectations.ts'
import { claimedQuantile, deviation, quantileOf } from './figures.ts'
import { GrafanaClient } from './grafana-client.ts'
import { openAgent } from './model/agent.ts'
import { type ModelScrape, store } from './model/backfill.ts'
import type { Arrival } from './model/blocks.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'
import { requirePrograms } from './requirements.ts'

const NODES = ['A', 'B'] as const
const SCRAPE_SECONDS = 10
const STARTED_AT = Date.UTC(2026, 2, 4) / 1000
/** The windows of a dashboard, all of which hold the whole recording. */
const WINDOWS = ['1h', '6h', '24h', '7d'] as const
/** No window's bound is where there are blocks: nothing is extrapolated. */
const EXACTLY = 1e-9

const recording = readRecording(join(import.meta.dirname, '../fixtures/events.jsonl'))
const firstNs = (recording[0] as Recorded).ts_ns
/** When a recorded event happens here: all events come after the first scrape, and before the last. */
const timeOf = ({ ts_ns }: Recorded) => STARTED_AT + SCRAPE_SECONDS + 1 + (ts_ns - firstNs) / 1e9
const end = STARTED_AT + Math.ceil((timeOf(recording.at(-1) as Recorded) - STARTED_AT) / SCRAPE_SECONDS + 1) * SCRAPE_SECONDS

const overviews = readDashboards().filter(({ uid }) => uid.startsWith('fibre-relay'))
const folder = mkdtempSync(join(tmpdir(), 'dashboard-recording-'))
let prometheus: Prometheus
let grafana: GrafanaClient

beforeAll(async () => {
  const promtool = await builtBinary('promtool')
  if (!promtool) return
  const asked = namesAskedFor(overviews)
  await store(replay(), { promtool, folder: join(folder, 'data'), keep: (name) => asked.has(name) })
  writeFileSync(join(folder, 'prometheus.yaml'), '{}')
  prometheus = await startPrometheus({ config: join(folder, 'prometheus.yaml'), folder: join(folder, 'data') })
  grafana = new GrafanaClient({ prometheus, end })
})
afterAll(async () => {
  await prometheus?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const requirePrometheus = (context: TestContext) => requirePrograms(context, 'prometheus')

/** The recorded nodes with one agent, which is scraped. */
async function* replay(): AsyncGenerator<ModelScrape> {
  const agent = await openAgent({ job: 'fibre-agent', instance: 'host:9435', nodes: NODES, startedAt: STARTED_AT, peers: 0 })
  let next = 0
  for (let at = STARTED_AT + SCRAPE_SECONDS; at <= end; at += SCRAPE_SECONDS) {
    for (let line = recording[next]; line && timeOf(line) <= at; line = recording[++next]) {
      const stampNs = (timeOf(line) - agent.bootedAt) * 1e9
      agent.hit(eventOf(line.probe, { ...fieldsOf(line), node: String(line.node), stampNs, unixSeconds: timeOf(line) }))
    }
    yield { at, agent }
  }
  await agent.close()
}

/** Blocks that a node connected, read from the lines of the recording alone. */
function recordedBlocks(node: string): readonly Arrival[] {
  const lines = recording.filter((line) => line.node === node)
  return lines
    .filter(({ probe }) => probe === 'validation:block_connected')
    .map((connected) => {
      const of = (probe: string) => lines.find((line) => line.probe === probe && line.block_hash === connected.block_hash)
      const [race, winner, reconstructed] = [of('udp:block_race_time'), of('udp:block_race_winner'), of('udp:block_reconstructed')]
      return {
        node,
        height: Number(connected.height),
        connectedAt: timeOf(connected),
        connectNs: Number(connected.connection_time_ns),
        winner: winner?.winner as Arrival['winner'],
        udpNs: Number(race?.udp_ns ?? -1),
        cmpctNs: Number(race?.cmpct_ns ?? -1),
        sent: of('udp:block_send_start') !== undefined,
        reconstruction: reconstructed && {
          durationUs: Number(reconstructed.duration_us),
          chunksUsed: Number(reconstructed.chunks_used),
          chunksReceived: Number(reconstructed.chunks_recvd),
        },
      } as Arrival
    })
}

const blocks = new Map(NODES.map((node) => [node as string, recordedBlocks(node)]))
const ofAll = [...blocks.values()].flat()

/** Bars show steps; what is counted here is the whole. */
const isOfWindow = ({ isAnnotation, language, minStep, mode }: PanelQuery) =>
  language === 'promql' && !isAnnotation && (mode === 'instant' || minStep !== 3600)

describe.each(overviews)('of two recorded nodes, $uid', ({ targets }) => {
  it.for(targets.filter((target) => isOfWindow(target) && figureOf(target)))(
    'shows in $panel $refId what their recording says',
    async (target, context) => {
      await requirePrometheus(context)
      const figure = figureOf(target)
      for (const window of WINDOWS) {
        const { series } = await grafana.ask({ ...target, mode: 'instant' }, { job: '.+', node: '.+', window })
        for (const node of NODES) {
          const value = series.find(({ labels }) => labels.node === node)?.points[0]?.value
          const own = blocks.get(node) ?? []
          const quantile = quantileOf(claimedQuantile(target) ?? 0.5, boundsIn(target.expr), EXACTLY)
          const seen = { blocks: own, known: own, ofAll, nodes: 1, starts: [STARTED_AT], at: end, labels: { node }, quantile }
          expect(figure && deviation(figure, seen, value, EXACTLY, false), `${node}, ${window}`).toBeUndefined()
        }
      }
    },
  )

  it('has figures enough to tell', () => {
    expect(targets.filter((target) => isOfWindow(target) && figureOf(target)).length).toBeGreaterThan(12)
  })
})

it('the recording has what the overview shows', () => {
  expect(ofAll.filter(({ winner }) => winner === 'FIBRE/UDP')).toHaveLength(19)
  expect(ofAll.filter(({ winner }) => winner === undefined)).toHaveLength(80)
})
