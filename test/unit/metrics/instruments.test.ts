import { describe, expect, it } from 'vitest'
import { type MetricDefinition, metricBuilders, observed, type Reading, sample } from '../../../agent/metrics/definition.ts'
import type { InstrumentsOptions } from '../../../agent/metrics/otel/instruments.ts'
import { openTelemetry } from '../../../agent/metrics/otel/telemetry.ts'
import { silentLog } from '../../harness/captured-log.ts'
import { Scrape } from '../../harness/scrape.ts'

interface Meal {
  readonly cakes?: number
  readonly guest?: string
}

const { counter, histogram, gauge } = metricBuilders<Meal>()
const eaten = counter('cakes_eaten_total', { help: 'Eaten', measure: ({ cakes }) => cakes })
const sizes = histogram('meal_size', { help: 'Size', buckets: [1, 10], measure: ({ cakes }) => cakes })
const left = gauge('cakes_left', { help: 'Left', measure: ({ cakes }) => cakes })
const byKind = counter('cakes_baked_total', {
  help: 'Baked',
  labels: { kind: ['apple', 'cherry'] },
  measure: ({ cakes }) => cakes && [sample(cakes, { kind: 'apple' })],
})
const byGuest = counter('cakes_taken_total', {
  help: 'Taken',
  labels: { guest: 'open' },
  measure: ({ guest }) => (guest === undefined ? undefined : sample(1, { guest })),
})

async function open(
  metrics: readonly MetricDefinition<Meal>[],
  options: Pick<InstrumentsOptions, 'openLabelLimit'> = { openLabelLimit: 0 },
) {
  const { instruments, exposition } = await openTelemetry({ version: '1', port: 1, log: silentLog, ...options })
  const record = instruments.recorderOf(metrics)
  /** The samples of the page, as `name label…` and value. */
  const page = async () => {
    const samples = new Scrape(await exposition()).samples.filter(({ name }) => name !== 'target_info')
    return Object.fromEntries(samples.map(({ name, labels, value }) => [[name, ...Object.values(labels)].join(' '), value]))
  }
  return { instruments, record, page }
}

it('shows every counter and histogram of a node at 0 as soon as the node is known, but no gauge', async () => {
  const { instruments, page } = await open([eaten, byKind, sizes, left])
  instruments.declare('n')
  expect(await page()).toEqual({
    'cakes_eaten_total n': 0,
    'cakes_baked_total n apple': 0,
    'cakes_baked_total n cherry': 0,
    'meal_size_count n': 0,
    'meal_size_sum n': 0,
    'meal_size_bucket n 1.0': 0,
    'meal_size_bucket n 10.0': 0,
    'meal_size_bucket n +Inf': 0,
  })
})

it('keeps nodes apart, of which one has values and the other not yet', async () => {
  const { instruments, record, page } = await open([eaten, sizes, left])
  instruments.declare('a')
  record('a', { cakes: 3 })
  instruments.declare('b')
  expect(await page()).toMatchObject({
    'cakes_eaten_total a': 3,
    'cakes_eaten_total b': 0,
    'meal_size_bucket a 1.0': 0,
    'meal_size_bucket a 10.0': 1,
    'meal_size_sum a': 3,
    'meal_size_count b': 0,
    'cakes_left a': 3,
  })
  expect(await page()).not.toHaveProperty('cakes_left b')
})

it('takes nothing away from a node that is declared again', async () => {
  const { instruments, record, page } = await open([eaten, sizes])
  instruments.declare('n')
  record('n', { cakes: 3 })
  instruments.declare('n')
  expect(await page()).toMatchObject({ 'cakes_eaten_total n': 3, 'meal_size_count n': 1 })
})

it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('lets %d spoil no counter', async (cakes) => {
  const { record, page } = await open([eaten])
  record('n', { cakes: 3 })
  record('n', { cakes })
  record('n', { cakes: 4 })
  expect(await page()).toEqual({ 'cakes_eaten_total n': 7 })
})

it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('leaves a histogram at 0 when it is given %d', async (cakes) => {
  const { instruments, record, page } = await open([sizes])
  instruments.declare('n')
  record('n', { cakes })
  expect(await page()).toMatchObject({ 'meal_size_count n': 0, 'meal_size_sum n': 0, 'meal_size_bucket n +Inf': 0 })
})

it('lets a gauge be negative, and keeps its last value when it is given none', async () => {
  const { record, page } = await open([left])
  for (const cakes of [3, -2, Number.NaN]) record('n', { cakes })
  expect(await page()).toEqual({ 'cakes_left n': -2 })
})

it('records nothing of what is not known', async () => {
  const { record, page } = await open([eaten, byKind, sizes, left])
  record('n', {})
  expect(await page()).toEqual({})
})

it('makes one instrument of a metric that stands in two lists', async () => {
  const { instruments, record, page } = await open([eaten])
  instruments.recorderOf([eaten])('n', { cakes: 1 })
  record('n', { cakes: 1 })
  expect(await page()).toEqual({ 'cakes_eaten_total n': 2 })
})

it('leaves a label out whose values nobody knows', async () => {
  const { record, page } = await open([byGuest])
  for (const guest of ['ann', 'bob']) record('n', { guest })
  expect(await page()).toEqual({ 'cakes_taken_total n': 2 })
})

it('holds such a label, when it is asked for, to so many values a node', async () => {
  const { record, page } = await open([byGuest], { openLabelLimit: 2 })
  for (const guest of ['ann', 'bob', 'cyd', 'dan', 'ann']) record('n', { guest })
  record('m', { guest: 'dan' })
  expect(await page()).toEqual({
    'cakes_taken_total n ann': 2,
    'cakes_taken_total n bob': 1,
    'cakes_taken_total n other': 2,
    'cakes_taken_total m dan': 1,
  })
})

it('has as many series as there are, for OpenTelemetry would lump those beyond 2,000 together', async () => {
  const { record, page } = await open([byGuest], { openLabelLimit: 3000 })
  for (let guest = 0; guest < 2500; guest++) record('n', { guest: `guest ${guest}` })
  expect(Object.keys(await page())).toHaveLength(2500)
})

describe('what is read when it is collected', () => {
  /** The page of metrics that are read of what stands in the list then. */
  async function openRead(...definitions: Parameters<typeof observed<unknown, Meal>>[0]) {
    const { instruments, page } = await open([])
    const readings: Reading<Meal>[] = []
    instruments.observe([observed(definitions, () => readings)], async () => undefined)
    const read = (...now: readonly Reading<Meal>[]) => {
      readings.splice(0, readings.length, ...now)
      return page()
    }
    return { instruments, read }
  }

  it('is what is there then: a counter of a node is 0 before there is anything, a gauge absent', async () => {
    const { read } = await openRead(eaten, byKind, left)
    expect(await read({ node: 'n', subjects: [] })).toEqual({
      'cakes_eaten_total n': 0,
      'cakes_baked_total n apple': 0,
      'cakes_baked_total n cherry': 0,
    })
    const all = { 'cakes_eaten_total n': 3, 'cakes_baked_total n apple': 3, 'cakes_baked_total n cherry': 0, 'cakes_left n': 3 }
    expect(await read({ node: 'n', subjects: [{ cakes: 3 }] })).toEqual(all)
    expect(await read({ node: 'n', subjects: [{ cakes: 3 }] })).toEqual(all)
    expect(await read({ node: 'n', subjects: [{ cakes: 2 }, { cakes: 1 }, { cakes: Number.NaN }, {}] })).toEqual({
      ...all,
      'cakes_left n': 1,
    })
  })

  it('is absent again, if it is a gauge, once it is not known any more; a counter and a histogram stay', async () => {
    const { read } = await openRead(eaten, left, sizes)
    const size = (node: string, cakes: number) => ({
      [`meal_size_bucket ${node} 1.0`]: cakes <= 1 ? 1 : 0,
      [`meal_size_bucket ${node} 10.0`]: 1,
      [`meal_size_bucket ${node} +Inf`]: 1,
      [`meal_size_sum ${node}`]: cakes,
      [`meal_size_count ${node}`]: 1,
    })
    const counted = { 'cakes_eaten_total a': 2, 'cakes_eaten_total b': 1, ...size('a', 2), ...size('b', 1) }
    const shown = { ...counted, 'cakes_left a': 2, 'cakes_left b': 1 }
    const [a, b] = [
      { node: 'a', subjects: [{ cakes: 2 }] },
      { node: 'b', subjects: [{ cakes: 1 }] },
    ] as const
    expect(await read(a, b)).toEqual(shown)
    expect(await read(a)).toEqual({ ...counted, 'cakes_left a': 2 })
    expect(await read(a, b)).toEqual(shown)
  })

  it('has no node where it is the agent itself', async () => {
    const { read } = await openRead(eaten, left)
    expect(await read({ subjects: [{ cakes: 2 }] })).toEqual({ cakes_eaten_total: 2, cakes_left: 2 })
  })

  it('is added up where several subjects are of one series', async () => {
    const { read } = await openRead(byKind)
    const subjects = [{ cakes: 2 }, { cakes: 5 }]
    expect(await read({ node: 'a', subjects }, { node: 'b', subjects: [{ cakes: 1 }] })).toMatchObject({
      'cakes_baked_total a apple': 7,
      'cakes_baked_total b apple': 1,
    })
  })

  it('is gone with its node', async () => {
    const { instruments, read } = await openRead(eaten)
    await read({ node: 'a', subjects: [{ cakes: 2 }] })
    instruments.forget('a')
    expect(await read({ node: 'a', subjects: [] })).toEqual({ 'cakes_eaten_total a': 0 })
  })
})

it('declares each combination of closed label values', async () => {
  const baked = counter('cakes_baked_total', {
    help: 'Baked',
    labels: { kind: ['apple', 'cherry'], size: ['small', 'large'] },
    measure: ({ cakes }) => cakes && sample(cakes, { kind: 'cherry', size: 'small' }),
  })
  const { instruments, record, page } = await open([baked])
  instruments.declare('n')
  record('n', { cakes: 4 })
  expect(await page()).toEqual({
    'cakes_baked_total n apple small': 0,
    'cakes_baked_total n apple large': 0,
    'cakes_baked_total n cherry small': 4,
    'cakes_baked_total n cherry large': 0,
  })
})
