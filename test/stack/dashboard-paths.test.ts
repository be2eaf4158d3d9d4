import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { until } from '../harness/until.ts'
import { stackBinary } from './binaries.ts'
import { readDashboards } from './dashboard-queries.ts'
import { GrafanaClient, type QueryAnswer } from './grafana-client.ts'
import { type ModelScrape, scrapes, store } from './model/backfill.ts'
import { SCRAPE_SECONDS, simulateFleet } from './model/fleet.ts'
import { type Prometheus, startPrometheus } from './prometheus.ts'
import { requirePrograms } from './requirements.ts'
import { shipped } from './shipped.ts'

const HOURS = 4
const end = Date.UTC(2026, 2, 4) / 1000
/** Series that Prometheus itself adds for each scrape, which cannot be pushed. */
const ofScraping = /\b(up|scrape_\w+)\b(?=\{|$)/

it('shows the same in every panel, whether an agent is scraped or pushes', async (context) => {
  await requirePrograms(context, 'promtool', 'prometheus')
  const promtool = stackBinary('promtool')
  const folder = mkdtempSync(join(tmpdir(), 'dashboard-paths-'))
  onTestFinished(() => {
    vi.useRealTimers()
    vi.unstubAllEnvs()
    rmSync(folder, { recursive: true })
  })
  await using pushed = await startPrometheus({ config: shipped('prometheus-otlp.yaml'), folder: join(folder, 'pushed'), otlp: true })
  await store(pushingTo(pushed), { promtool: promtool as string, folder: join(folder, 'scraped'), keep: () => true })
  vi.useRealTimers()
  writeFileSync(join(folder, 'prometheus.yaml'), '{}')
  await using scraped = await startPrometheus({ config: join(folder, 'prometheus.yaml'), folder: join(folder, 'scraped') })

  const [ofScraped, ofPushed] = [scraped, pushed].map(
    (prometheus) => new GrafanaClient({ prometheus, end, coarseStep: 600, rangeSeconds: HOURS * 3600 }),
  )
  let compared = 0
  for (const dashboard of readDashboards())
    for (const target of dashboard.targets) {
      if (target.language !== 'promql' || ofScraping.test(target.expr)) continue
      const choices = (await ofScraped?.choicesFor(target, dashboard)) ?? []
      expect(await ofPushed?.choicesFor(target, dashboard)).toEqual(choices)
      for (const choice of choices) {
        const [one, other] = await Promise.all([ofScraped?.ask(target, choice), ofPushed?.ask(target, choice)])
        expect(valuesOf(other), `${target.panel} ${target.refId} ${JSON.stringify(choice)}`).toEqual(valuesOf(one))
        if (one && one.series.length > 0) compared++
      }
    }
  expect(compared).toBeGreaterThan(200)
})

/** An agent that is scraped and, at the same moment, pushes. */
async function* pushingTo({ otlpUrl }: Prometheus): AsyncGenerator<ModelScrape> {
  const fleet = simulateFleet({ seed: 7, end, days: 3 })
  const [first] = fleet.hosts
  const host = { ...(first as (typeof fleet.hosts)[number]), starts: [end - HOURS * 3600] }
  vi.stubEnv('OTEL_RESOURCE_ATTRIBUTES', `service.name=${host.job},service.instance.id=${host.instance}`)
  vi.useFakeTimers({ toFake: ['Date'], now: end * 1000 })
  const push = { url: otlpUrl, protocol: 'http/json' as const, shownAs: otlpUrl, intervalMs: 3_600_000, timeoutMs: 10_000 }
  for await (const scrape of scrapes(fleet, host, SCRAPE_SECONDS, push)) {
    const { at, agent } = scrape
    yield scrape
    const before = agent.telemetry.exports.successes
    vi.setSystemTime(at * 1000)
    agent.telemetry.push()
    await until(() => agent.telemetry.exports.successes > before, 'a push')
  }
}

/** Each path adds up a histogram's seconds in its own steps, and so has its own last digits. */
const valuesOf = (answer: QueryAnswer | undefined) =>
  answer?.series
    .map(({ labels, points }) => {
      const named = JSON.stringify(Object.entries(labels).sort())
      return `${named} ${points.map(({ time, value }) => `${time} ${Number(value.toPrecision(9))}`)}`
    })
    .sort()
