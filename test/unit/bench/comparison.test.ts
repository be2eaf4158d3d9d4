import { describe, expect, it } from 'vitest'
import { comparisonJson, comparisonTable, ratioOf } from '../../bench/comparison-report.ts'
import { type Figure, measure, type Result, verdictOf } from '../../bench/figure.ts'
import { asTable } from '../../bench/report.ts'

const machine = { cores: 2, cpu: 'a processor', kernel: '6.18', node: 'v24', loadAverage: 0.1 }
const base = { name: 'abc1234', root: '/base' }

const figure: Figure = { name: 'cpu', title: 'CPU', unit: 's', goal: { atMost: 0.2 }, measure: async () => ({ samples: [] }) }
const withoutGoal: Figure = { name: 'event-1', title: 'an event', unit: 'µs', measure: async () => ({ samples: [] }) }
const of = (samples: readonly number[], what = figure): Result => ({ figure: what, measurement: { samples } })

describe('two checkouts', () => {
  it('are compared by the ratio of their medians, and judged by this one', () => {
    const comparison = { base: of([0.4, 0.4, 9]), here: of([0.1, 0.3, 0.1]) }
    expect(ratioOf(comparison)).toBe(0.25)
    expect(comparisonTable(machine, base, [comparison]).split('\n').slice(0, 3)).toEqual([
      'figure  reach      abc1234                      here                         here / base  verdict',
      '------  ---------  ---------------------------  ---------------------------  -----------  -------',
      'CPU     ≤ 0.200 s  0.400 s (0.400 s – 9.000 s)  0.100 s (0.100 s – 0.300 s)  0.25         reached',
    ])
    expect(JSON.parse(comparisonJson(machine, base, [comparison]))).toMatchObject({
      base: 'abc1234',
      figures: [{ name: 'cpu', verdict: 'reached', ratio: 0.25, base: { median: 0.4, samples: [0.4, 0.4, 9] }, here: { max: 0.3 } }],
    })
  })

  it('have no ratio where one was not measured, whose reason is said, or the other is 0', () => {
    const refused = { base: { figure, reason: 'no such module' }, here: of([0.1]) }
    expect(ratioOf(refused)).toBeUndefined()
    expect(comparisonTable(machine, base, [refused])).toContain('cpu: not measured on the other checkout: no such module')
    expect(ratioOf({ base: of([0]), here: of([0]) })).toBeUndefined()
    expect(ratioOf({ base: of([0]), here: of([2]) })).toBeUndefined()
  })
})

it('a figure without a goal is shown and not judged', () => {
  expect(verdictOf(of([12.345], withoutGoal))).toBe('measured')
  expect(asTable(machine, [of([12.345], withoutGoal)]).split('\n')[2]).toBe('an event         12.3 µs                    measured')
})

it('a figure is measured in its own number of rounds unless another is given', async () => {
  const rounds = async (fixed?: number) => {
    let measured = 0
    const repeating: Figure = { ...figure, measure: async ({ repeat }) => ({ samples: await repeat(3, async () => ++measured) }) }
    return (await measure(repeating, () => {}, fixed)).measurement?.samples
  }
  expect(await rounds()).toEqual([1, 2, 3])
  expect(await rounds(1)).toEqual([1])
})
