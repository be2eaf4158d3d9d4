import { expect, it } from 'vitest'
import { growthTable } from '../../bench/growth/growth.ts'
import { describeGrowth, fitLine } from '../../bench/growth/line.ts'

/** Values at 1, 10 and 100. */
const at = (...values: readonly number[]) => values.map((value, i) => [10 ** i, value] as const)

it('fits the line of least squares', () => {
  expect(fitLine(at(5, 23, 203))).toEqual({ slope: 2, explained: 1 })
})

it.each([
  ['flat', at(80, 84, 82)],
  ['linear, 0.5 MB per node', at(80.5, 85, 130)],
  ['neither flat nor linear, 0.59 MB per node on the whole', at(100, 40, 130)],
])('says %s', (words, points) => {
  expect(describeGrowth(points, 'MB', 'nodes', 1)).toBe(words)
})

it('gives the slope for as many as is useful', () => {
  const seconds = [0, 0.3, 0.6].map((value, i) => [i * 10_000, value] as const)
  expect(describeGrowth(seconds, 's', 'events', 1000)).toBe('linear, 0.03 s per 1,000 events')
})

it('lays out a row of points for each quantity', async () => {
  const measureAt = async (size: number) => [
    { name: 'memory', unit: 'MB', value: 80 },
    { name: 'start', unit: 's', value: 0.125 * size },
  ]
  const table = await growthTable({ noun: 'nodes', sizes: [1, 10, 100], per: 1, measureAt }, () => {})
  expect(table.split('\n')).toEqual([
    'nodes       1      10     100   growth',
    '----------  -----  -----  ----  -----------------------',
    'memory, MB  80.0   80.0   80.0  flat',
    'start, s    0.125  1.250  12.5  linear, 0.13 s per node',
  ])
})
