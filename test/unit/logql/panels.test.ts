import { describe, expect, it } from 'vitest'
import { evaluate, linesOf, type Sample } from '../../logql/evaluate.ts'
import type { Line } from '../../logql/pipeline.ts'
import { agentLog, debugLog, fleet, lastDay, lines, ofNode } from '../../logql/simulated.ts'
import { parseLogql } from '../../logql/syntax.ts'
import { interpolate, type PanelQuery, readDashboards } from '../../stack/dashboard-queries.ts'
import { mean, reconstructions, stepsOf, sum, wonByFibre } from '../../stack/model/truth.ts'

const DAY = 86_400
const targets = readDashboards().flatMap(({ title, targets }) =>
  targets.filter(({ language }) => language === 'logql').map((target) => ({ ...target, title })),
)

interface Answer {
  readonly lines: readonly Line[]
  /** At each time of a graph, or at its end. */
  readonly vectors: readonly { readonly at: number; readonly vector: readonly Sample[] }[]
}

/** Evaluates the query of a panel over the last day. */
function answer({ expr, minStep, mode }: PanelQuery, of = lines, node = '.+', window = '24h'): Answer {
  const query = parseLogql(interpolate(expr, { window, node, search: '', __interval: `${minStep}s` }))
  if (query.kind === 'log') return { lines: linesOf(query, of).filter(({ seconds }) => seconds >= fleet.end - DAY), vectors: [] }
  const times = mode === 'instant' ? [fleet.end] : Array.from({ length: DAY / minStep }, (_, i) => fleet.end - DAY + (i + 1) * minStep)
  const vectors = evaluate(query, of, times)
  return { lines: [], vectors: times.map((at, index) => ({ at, vector: vectors[index] ?? [] })) }
}

const values = ({ vectors }: Answer) => vectors.flatMap(({ vector }) => vector.map(({ value }) => value))
const total = (one: Answer) => sum(values(one))
const shown = (one: Answer) => one.lines.length
const count = (logged: readonly { readonly text: string }[], pattern: RegExp) => logged.filter(({ text }) => pattern.test(text)).length
const panel = (name: string, legend = '') => {
  const found = targets.filter((target) => target.panel === name && (!legend || target.legend === legend))
  expect(found).not.toEqual([])
  return found
}

describe('the logs of three simulated days', () => {
  it.each(targets.map((target) => [target.title, target.panel, target.refId, target] as const))(
    'fill %s: %s %s, for each node that writes; nothing fills it without logs',
    (_title, _panel, _refId, target) => {
      for (const node of ['.+', 'alpha'])
        for (const window of ['6h', '24h', '7d']) {
          const found = answer(target, lines, node, window)
          expect(shown(found) + values(found).length).toBeGreaterThan(0)
          expect(values(found).filter((value) => !Number.isFinite(value))).toEqual([])
        }
      expect(values(answer(target, []))).toEqual([])
      expect(values(answer(target, lines, 'nobody'))).toEqual([])
    },
  )

  // What the model wrote, and what a real Loki 3.7.8 answered.
  it.each([
    ['FIBRE trouble, $window', total, count(debugLog, /UDP:.*(timed out|disconnect)/), 6],
    ["bitcoind's warnings and errors, $window", total, count(debugLog, /^\[(warning|error)\]/), 6],
    ["The agent's warnings and errors, $window", total, 1, 1],
    ['UDP peers that timed out, $window', total, count(debugLog, /timed out/), 3],
    ["Races in bitcoind's log", shown, count(debugLog, / winner=/), 140],
    ["The agent's log", shown, agentLog.length, 3],
    ["bitcoind's log", shown, debugLog.length, 606],
    ['Last blocks', shown, lastDay.length, 524],
    ['Slowest blocks', shown, reconstructions(lastDay).length, 252],
    ['Blocks that took the most chunks', shown, reconstructions(lastDay).length, 252],
  ] as const)('%s: as many as there are', (name, measure, truth, recorded) => {
    expect(truth).toBe(recorded)
    for (const target of panel(name)) expect(measure(answer(target))).toBe(recorded)
  })

  it.each([
    ["Lines of bitcoind's log by level", '{{level}}', debugLog.length],
    ['UDP connections', 'connected', 3],
    ['UDP connections', 'timed out', 3],
    ['UDP connections', 'disconnected by peer', 3],
  ])('the bars of %s, %s, add up to what was written', (name, legend, written) => {
    for (const target of panel(name, legend)) expect(total(answer(target))).toBe(written)
  })

  it.each(stepsOf(ofNode('alpha')))('the mean of %s is that of the blocks of each step', (field, steps) => {
    const target = targets.find(({ expr }) => expr.includes(`unwrap ${field}`)) as PanelQuery
    const means = answer(target).vectors.map(({ at, vector }) => [at, vector.find(({ labels }) => labels.node === 'alpha')?.value] as const)
    expect(means.length).toBeGreaterThan(2)
    for (const [at, value] of means) {
      const inStep = steps.filter(({ connectedAt }) => connectedAt > at - target.minStep && connectedAt <= at)
      expect(value).toBeCloseTo(mean(inStep.map(({ ms }) => ms)) as number, 6)
    }
  })

  it('the round trip of each peer is a line of its own', () => {
    const [target] = panel('Round trip to UDP peers')
    const found = answer(target as PanelQuery).vectors.flatMap(({ vector }) => vector)
    expect(new Set(found.map(({ labels }) => JSON.stringify(labels)))).toEqual(
      new Set([JSON.stringify({ node: 'alpha', peer: '192.0.2.11:8433' }), JSON.stringify({ node: 'alpha', peer: '198.51.100.23:8433' })]),
    )
    expect(new Set(found.filter(({ labels }) => labels.peer === '198.51.100.23:8433').map(({ value }) => value))).toEqual(new Set([80.5]))
  })

  it('the races of a block that FIBRE won are found by path, with their head start', () => {
    const query = parseLogql('{job="fibre-blocks", node="alpha"} | path="fibre_udp" | head_start_ms >= 0')
    expect(query.kind === 'log' && linesOf(query, lines)).toHaveLength(ofNode('alpha').filter(wonByFibre).length)
  })
})
