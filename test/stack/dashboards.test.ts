import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { builtBinary } from './binaries.ts'
import { type DashboardQueries, namesAskedFor, type PanelQuery, readDashboards, readRules, ruleFiles } from './dashboard-queries.ts'
import { deviations, figureOf } from './expectations.ts'
import { type Choice, GrafanaClient, type QueryAnswer } from './grafana-client.ts'
import { backfill } from './model/backfill.ts'
import { SCRAPE_SECONDS, simulateFleet } from './model/fleet.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'
import { requirePrograms } from './requirements.ts'

const dashboards = readDashboards()
const rules = readRules().filter(({ language }) => language === 'promql')
const fleet = simulateFleet({ seed: 7, end: Date.UTC(2026, 2, 4) / 1000, days: 3 })
const promql = ({ targets }: DashboardQueries) => targets.filter(({ language }) => language === 'promql')
/** Prometheus evaluates rules by the wall clock, not by the model's. */
const firing = 'ALERTS{alertname="FibreNoBlock",alertstate="firing",severity="critical",job="fibre-new",node="fresh"} 1'

/** Panels that show nothing when all is well, by title and letter. */
const emptyWhenWell: Readonly<Record<string, string>> = {
  'Unreadable fields, $window A': 'every field can be read',
  'Time of a hit, over $window A': 'no agent counts runs',
}
/** Panels that show nothing of one node: its agent tells no peers apart. */
const emptyOf: Readonly<Record<string, string>> = { 'Deliveries by peer, $window A': 'gamma' }
/** Panels of which the model says nothing that could be compared. */
const withoutFigure: Readonly<Record<string, string>> = {
  'CPU A': 'it is what the process took when its page was made',
  'Pushes A': 'likewise',
  'Firing alerts A': 'rules are tested by promtool',
  'Unreadable fields, $window A': 'there are none',
  'Time of a hit, over $window A': 'likewise',
}

/**
 * Dashboards of what the model leaves out, messages and counted hits: test/unit/dashboards/relay-figures.test.ts works their figures
 * out. The overview of nodes is made of panels of the first one and of the overview.
 */
const outsideModel: ReadonlySet<string> = new Set(['fibre-block-relay', 'fibre-traffic', 'fibre-nodes'])

const folder = mkdtempSync(join(tmpdir(), 'dashboards-'))
let prometheus: Prometheus
let grafana: GrafanaClient
let empty: Prometheus
let emptiness: GrafanaClient

const requirePrometheus = (context: TestContext) => requirePrograms(context, 'prometheus')

beforeAll(async () => {
  const promtool = await builtBinary('promtool')
  if (!promtool) return
  const config = join(folder, 'prometheus.yaml')
  writeFileSync(config, '{}')
  const asked = namesAskedFor(dashboards)
  const data = join(folder, 'model')
  await backfill(fleet, {
    promtool,
    folder: data,
    stepSeconds: SCRAPE_SECONDS,
    keep: (name) => asked.has(name),
    more: Array.from({ length: 60 }, (_, i) => `${firing} ${fleet.end - 3600 + i * SCRAPE_SECONDS + 15}`),
  })
  prometheus = await startPrometheus({ config, folder: data })
  const record = [`--url=${prometheus.url}`, `--output-dir=${data}`, `--start=${fleet.end - 3600}`, `--end=${fleet.end}`]
  execFileSync(promtool, ['tsdb', 'create-blocks-from', 'rules', ...record, '--eval-interval=5m', ...ruleFiles('promql')], {
    stdio: 'pipe',
  })
  await prometheus.stop()
  await prometheus.start()
  grafana = new GrafanaClient({ prometheus, end: fleet.end })
  empty = await startPrometheus({ config, folder: join(folder, 'empty') })
  emptiness = new GrafanaClient({ prometheus: empty, end: Date.now() / 1000 })
})
afterAll(async () => {
  for (const server of [prometheus, empty]) await server?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

/** Values that no panel may show. */
const oddities = ({ series, remarks }: QueryAnswer) => [
  ...remarks,
  ...series.flatMap(({ labels, points }) =>
    points.filter(({ value }) => !Number.isFinite(value)).map(({ value }) => `${JSON.stringify(labels)} is ${value}`),
  ),
]

/** Nodes to which blocks come with and without FIBRE; of those that are new, one has had no race and the other no block. */
const isOfLivelyNodes = ({ job = '', node = '', window }: Choice) => !`${job} ${node}`.match(/new|plain|fresh/) && window !== '1h'

const isEverything = (value = '') => /^(\.\+)?$/.test(value)

describe.each(dashboards)('on three simulated days, $uid', (dashboard) => {
  it.for(promql(dashboard))('answers $panel $refId, whatever is chosen', async (target, context) => {
    await requirePrometheus(context)
    const name = `${target.panel} ${target.refId}`
    for (const choice of await grafana.choicesFor(target, dashboard)) {
      const answer = await grafana.ask(target, choice)
      expect(oddities(answer), JSON.stringify(choice)).toEqual([])
      const mayBeEmpty =
        outsideModel.has(dashboard.uid) || name in emptyWhenWell || choice.node === emptyOf[name] || !isOfLivelyNodes(choice)
      if (!mayBeEmpty) expect(answer.series, JSON.stringify(choice)).not.toEqual([])
      const hosts = fleet.hosts.filter(({ job }) => isEverything(choice.job) || job === choice.job)
      if (isEverything(choice.node) && !outsideModel.has(dashboard.uid))
        expect(deviations({ ...fleet, hosts }, target, choice, answer, grafana.timesOf(target)), JSON.stringify(choice)).toEqual([])
    }
  })

  it('shows only what is known of the model', () => {
    if (outsideModel.has(dashboard.uid)) return
    const unknown = promql(dashboard).filter((target) => !target.isAnnotation && !figureOf(target))
    expect(unknown.map(({ panel, refId }) => `${panel} ${refId}`).filter((name) => !(name in withoutFigure))).toEqual([])
  })
})

describe('on three simulated days', () => {
  it.for(rules)('the rule $name selects series that there are', async ({ expr }, context) => {
    await requirePrometheus(context)
    for (const selector of await selectorsIn(prometheus, expr)) expect(await prometheus.series(selector), selector).not.toEqual([])
  })

  it('alerts fire for what is wrong in the model, and for nothing else', async (context) => {
    await requirePrometheus(context)
    const fires: Record<string, string[]> = {}
    for (const { name, expr, isAlert } of rules) {
      if (!isAlert) continue
      const answer = await grafana.ask(asTarget(expr), {})
      expect(oddities(answer), name).toEqual([])
      for (const { labels } of answer.series) fires[name] = [...(fires[name] ?? []), labels.node ?? labels.instance ?? '']
    }
    expect(fires).toEqual({
      FibreNoBlock: ['fresh', 'fresh'], // a warning, and critical
      FibreProbesSilent: ['plain'],
      FibreRaceCoverageLow: ['plain'],
      FibreWinRateLow: ['beta'],
    })
  })

  it.for(rules.filter(({ isAlert }) => !isAlert))('records $name as it is', async ({ name, expr }, context) => {
    await requirePrometheus(context)
    const [last] = (await grafana.ask(asTarget(`max(timestamp(${name}))`), {})).series
    const then = new GrafanaClient({ prometheus, end: last?.points[0]?.value ?? 0 })
    const recorded = await then.ask(asTarget(name), {})
    const computed = await then.ask(asTarget(expr), {})
    const valuesOf = ({ series }: QueryAnswer) =>
      series.map(({ labels, points }) => `${labels.job} ${labels.node} ${points[0]?.value.toFixed(9)}`).sort()
    expect(recorded.series.length).toBeGreaterThan(2)
    expect(valuesOf(recorded)).toEqual(valuesOf(computed))
  })
})

/** The selectors of an expression, as Prometheus understands it. */
async function selectorsIn(prometheus: Prometheus, expr: string): Promise<readonly string[]> {
  const found: string[] = []
  const { data } = (await prometheus.ask('/api/v1/parse_query', { query: expr })) as { data: Tree }
  const walk = (node: Tree) => {
    if (node.type === 'vectorSelector' || node.type === 'matrixSelector')
      found.push(`{${node.matchers?.map(({ name, type, value }) => `${name}${type}${JSON.stringify(value)}`)}}`)
    for (const child of Object.values(node)) for (const tree of [child].flat()) if (typeof tree === 'object' && tree) walk(tree as Tree)
  }
  walk(data)
  return found
}

interface Tree {
  readonly type?: string
  readonly matchers?: readonly { readonly name: string; readonly type: string; readonly value: string }[]
  readonly [part: string]: unknown
}

/** A rule as a panel that asks for now. */
const asTarget = (expr: string): PanelQuery => ({
  panel: '',
  refId: '',
  legend: '',
  language: 'promql',
  mode: 'instant',
  expr,
  isAnnotation: false,
  minStep: 1,
  maxPoints: 1,
})

describe.each(dashboards)('without any data, $uid', (dashboard) => {
  it.for(promql(dashboard))('answers $panel $refId with nothing', async (target, context) => {
    await requirePrometheus(context)
    for (const choice of await emptiness.choicesFor(target, dashboard)) {
      const answer = await emptiness.ask(target, choice)
      expect(answer, JSON.stringify(choice)).toEqual({ series: [], remarks: [] })
    }
  })
})

it.for(rules)('without any data, the rule $name', async ({ name, expr }, context) => {
  await requirePrometheus(context)
  const { series, remarks } = await emptiness.ask(asTarget(expr), {})
  expect([series.length > 0 ? name : '', remarks]).toEqual([name === 'FibreNoAgent' ? name : '', []])
})
