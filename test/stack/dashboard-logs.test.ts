import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { until } from '../harness/until.ts'
import { builtBinary, type Program, stackBinary } from './binaries.ts'
import { type DashboardQueries, type PanelQuery, readDashboards, readRules } from './dashboard-queries.ts'
import { GrafanaClient, type QueryAnswer } from './grafana-client.ts'
import { type Loki, startLoki } from './loki.ts'
import { backfill } from './model/backfill.ts'
import { agentLogOf, debugLogOf, lineOf } from './model/debug-log.ts'
import { simulateFleet } from './model/fleet.ts'
import { sendJournal } from './model/journal.ts'
import { mean, reconstructions, stepsOf, sum } from './model/truth.ts'
import { startCollector } from './otelcol.ts'
import { startPrometheus } from './prometheus.ts'
import { requirePrograms } from './requirements.ts'
import { shipped } from './shipped.ts'

const DAY = 86_400
const dashboards = readDashboards().filter((dashboard) => logql(dashboard).length > 0)
const rules = readRules().filter(({ language }) => language === 'logql')
const fleet = simulateFleet({ seed: 7, end: Date.UTC(2026, 2, 4) / 1000, days: 3 })
/** Loki takes no logs of times long past: there the model ends now. */
const logsEnd = Math.floor(Date.now() / 1000)
const shift = logsEnd - fleet.end
const ofNode = (name: string) => fleet.arrivals.filter(({ node }) => node === name)
const lastDay = fleet.arrivals.filter(({ connectedAt }) => connectedAt >= fleet.end - DAY)
const debugLog = debugLogOf(ofNode('alpha'), logsEnd, shift)
const agentLog = agentLogOf(logsEnd)

const folder = mkdtempSync(join(tmpdir(), 'dashboard-logs-'))
const servers = new AsyncDisposableStack()
const programs: readonly Program[] = ['loki', 'otelcol', 'prometheus', 'promtool']
const requireServers = (context: TestContext) => requirePrograms(context, ...programs)
let grafana: GrafanaClient
let emptiness: GrafanaClient

function logql({ targets }: DashboardQueries): readonly PanelQuery[] {
  return targets.filter(({ language }) => language === 'logql')
}

beforeAll(async () => {
  for (const program of programs) if (!(await builtBinary(program))) return
  const path = (name: string) => join(folder, name)
  writeFileSync(path('prometheus.yaml'), '{}')
  // For the variables: which nodes there are.
  const keep = (name: string) => name === 'fibre_exporter_up' || name === 'fibre_blocks_reconstructed_total'
  await backfill(fleet, { promtool: stackBinary('promtool') as string, folder: path('prometheus'), stepSeconds: 3600, keep })
  const prometheus = servers.use(await startPrometheus({ config: path('prometheus.yaml'), folder: path('prometheus') }))
  const empty = servers.use(await startLoki({ config: shipped('loki.yaml'), folder: path('empty') }))
  const loki = servers.use(await startLoki({ config: shipped('loki.yaml'), folder: path('loki') }))
  grafana = new GrafanaClient({ prometheus, loki, end: fleet.end, logsEnd })
  emptiness = new GrafanaClient({ prometheus, loki: empty, end: fleet.end, logsEnd })
  await sendJournal(loki, fleet.arrivals, shift)
  await collect(loki)
})
afterAll(async () => {
  await servers.disposeAsync()
  rmSync(folder, { recursive: true })
})

/** Brings what bitcoind and the agent of one node wrote to Loki, through the Collector as it is shipped. */
async function collect(loki: Loki): Promise<void> {
  const logs = join(folder, 'logs')
  mkdirSync(logs)
  writeFileSync(join(logs, 'debug.log'), debugLog.map((entry) => `${lineOf(entry)}\n`).join(''))
  writeFileSync(join(logs, 'agent.log'), agentLog.map(({ text }) => `${text}\n`).join(''))
  await using _collector = await startCollector({
    configs: [shipped('config.yaml')],
    env: {
      BITCOIN_DEBUG_LOG: join(logs, 'debug.log'),
      FIBRE_LOG_FILE: join(logs, 'agent.log'),
      FIBRE_NODE_NAME: 'alpha',
      LOG_START_AT: 'beginning',
      LOGS_OTLP: loki.otlpUrl,
      COLLECTOR_STATE_DIR: join(folder, 'state'),
    },
  })
  const range = { startNs: BigInt(logsEnd - DAY - 60) * 1_000_000_000n, endNs: BigInt(logsEnd + 60) * 1_000_000_000n, limit: 5000 }
  const arrived = async (job: string) => (await loki.queryRange(`{job="${job}"}`, range)).length
  await until(async () => (await arrived('bitcoin')) === debugLog.length, 'the lines of debug.log', 60_000)
  await until(async () => (await arrived('fibre-agent')) === agentLog.length, "the agent's lines", 60_000)
}

const count = (logged: readonly { readonly text: string }[], pattern: RegExp) => logged.filter(({ text }) => pattern.test(text)).length
/** The sum of the bars of a day, or of the one value. */
const total = ({ series }: QueryAnswer) => sum(series.flatMap(({ points }) => points.map(({ value }) => value)))
const lines = ({ series }: QueryAnswer) => series.reduce((all, { points }) => all + points.length, 0)

/** Every value of each variable, but not with every one of the others: a week takes Loki half a second, whatever is in it. */
const choicesFor = async (target: PanelQuery, dashboard: DashboardQueries) =>
  (await grafana.choicesFor(target, dashboard)).filter(
    ({ node, window }) => node === '.+' || window === '24h' || !target.expr.includes('$window'),
  )

describe.each(dashboards)('with the logs of three simulated days, $uid', (dashboard) => {
  it.for(logql(dashboard))('answers $panel $refId, whatever is chosen', async (target, context) => {
    await requireServers(context)
    for (const choice of await choicesFor(target, dashboard)) {
      const { series, remarks } = await grafana.ask(target, choice)
      expect(remarks).toEqual([])
      expect(series.flatMap(({ points }) => points.filter(({ value }) => !Number.isFinite(value)))).toEqual([])
      const isOfAlpha = !`${choice.job} ${choice.node}`.match(/new|beta|gamma|plain|fresh/) && choice.window !== '1h'
      if (isOfAlpha) expect(series, JSON.stringify(choice)).not.toEqual([])
    }
  })

  it.for(logql(dashboard))('answers $panel $refId with nothing where there are no logs', async (target, context) => {
    await requireServers(context)
    for (const choice of await choicesFor(target, dashboard))
      expect(await emptiness.ask(target, choice)).toEqual({ series: [], remarks: [] })
  })
})

describe('with the logs of three simulated days', () => {
  const everything = { job: '.+', node: '.+', window: '24h', search: '' }
  const trouble = /UDP:.*(timed out|disconnect)/

  it.for([
    ['FIBRE trouble, $window', total, count(debugLog, trouble)],
    ["bitcoind's warnings and errors, $window", total, count(debugLog, /^\[(warning|error)\]/)],
    ["The agent's warnings and errors, $window", total, 1],
    ['UDP peers that timed out, $window', total, count(debugLog, /timed out/)],
    ["Races in bitcoind's log", lines, count(debugLog, / winner=/)],
    ["The agent's log", lines, agentLog.length],
    ["bitcoind's log", lines, debugLog.length],
    ['Last blocks', lines, lastDay.length],
    ['Way of the last blocks', lines, lastDay.length],
    ['Slowest blocks', lines, reconstructions(lastDay).length],
    ['Blocks that took the most chunks', lines, reconstructions(lastDay).length],
  ] as const)('%s shows as many as there are', async ([panel, measure, expected], context) => {
    await requireServers(context)
    const targets = dashboards.flatMap(logql).filter((target) => target.panel === panel)
    expect(targets).not.toEqual([])
    for (const target of targets) expect(measure(await grafana.ask(target, everything))).toBe(expected)
  })

  it.for(stepsOf(ofNode('alpha')))('the mean of %s is that of the blocks of each step', async ([field, steps], context) => {
    await requireServers(context)
    const target = dashboards.flatMap(logql).find(({ expr }) => expr.includes(`unwrap ${field}`)) as PanelQuery
    const { series } = await grafana.ask(target, everything)
    const { points } = series.find(({ labels }) => labels.node === 'alpha') as QueryAnswer['series'][number]
    // The first one stands before the time that was asked for, and Loki does not look as far back for it as for the others.
    for (const { time, value } of points.slice(1)) {
      const at = time - shift
      const inStep = steps.filter(({ connectedAt }) => connectedAt > at - target.minStep && connectedAt <= at)
      expect(value).toBeCloseTo(mean(inStep.map(({ ms }) => ms)) as number, 6)
    }
    expect(points.length).toBeGreaterThan(2)
  })

  it.for(rules)('the rule $name can be asked', async ({ expr }, context) => {
    await requireServers(context)
    const target = {
      panel: '',
      refId: '',
      legend: '',
      language: 'logql',
      mode: 'instant',
      expr,
      isAnnotation: false,
      minStep: 1,
      maxPoints: 1,
    } as const
    for (const asked of [grafana, emptiness]) {
      const { series, remarks } = await asked.ask(target, {})
      expect(remarks).toEqual([])
      expect(series.flatMap(({ points }) => points.filter(({ value }) => !Number.isFinite(value)))).toEqual([])
    }
  })
})
