import { expect, it } from 'vitest'
import { metricsOfAgent, metricsOfNodes } from '../../../agent/metrics/index.ts'
import { unitOf } from '../../../agent/metrics/otel/instrument.ts'
import { tracepoints } from '../../../agent/tracepoints/index.ts'
import { FIBRE, timesAre, winnerIs } from '../blocks/events.ts'
import { openPage } from './page.ts'

const definitions = [...metricsOfNodes, ...metricsOfAgent].map(({ name, type }) => ({ name, type }))

// With these rules a metric has one name, whether it is scraped or pushed by OTLP, which adds units and `_total` where they lack.
it.each(definitions)('$name is a name that scraping and pushing leave alone', ({ name, type }) => {
  expect(name).toMatch(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/)
  expect(name.endsWith('_total')).toBe(type === 'counter')
  expect(name.replace(/_total$/, '')).not.toMatch(/total/)
  expect(['', 's', 'By']).toContain(unitOf(name))
})

// collector/prometheus-scrape.yaml writes 2e+06 of a scrape as the 2000000 of a push, and no other form.
it('bounds of a million and more are scraped and pushed alike', () => {
  const bounds = [...metricsOfNodes, ...metricsOfAgent].flatMap(({ buckets = [] }) => buckets)
  expect(bounds.filter((bound) => bound >= 1e6 && ![1, 2, 3, 4, 5, 6, 7, 8, 9].includes(bound / 1e6))).toEqual([])
})

it.each([
  ['fibre_race_margin_seconds', 's'],
  ['process_cpu_seconds_total', 's'],
  ['process_resident_memory_bytes', 'By'],
  ['fibre_chunks_used_total', ''],
  ['fibre_seconds_of_nothing', ''],
])('the unit of %s is %o', (name, unit) => {
  expect(unitOf(name)).toBe(unit)
})

it('labels are in snake case', async () => {
  const page = await openPage({ openLabelLimit: 10 })
  page.hit(winnerIs('a', FIBRE), timesAre('a', 2, 1))
  const labels = new Set((await page.scrape()).samples.flatMap((sample) => Object.keys(sample.labels)))
  expect(labels.size).toBeGreaterThan(10)
  for (const label of labels) expect(label).toMatch(/^[a-z]+(_[a-z0-9]+)*$/)
})

it('a metric that several tracepoints set is the same everywhere', () => {
  const heights = tracepoints.flatMap(({ metrics }) => metrics.filter(({ name }) => name === 'fibre_last_block_height'))
  expect(heights).toHaveLength(3)
  expect(new Set(heights).size).toBe(1)
})
