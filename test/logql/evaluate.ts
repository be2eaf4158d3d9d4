import { compares, type Line, samplesOf, through } from './pipeline.ts'
import type { Binary, Expression, LogQuery, RangeAggregation, VectorAggregation } from './syntax.ts'

type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels: Labels
  readonly value: number
}

/** A query's answer at one time. */
type Vector = readonly Sample[]

/** The lines that a query lets through, as it leaves them. */
export const linesOf = (query: LogQuery, lines: readonly Line[]): readonly Line[] => lines.flatMap((line) => through(query, line) ?? [])

/** Evaluates a query about numbers at each of some times (Unix, seconds). */
export function evaluate(expression: Expression, lines: readonly Line[], times: readonly number[]): readonly Vector[] {
  switch (expression.kind) {
    case 'range':
      return ofRange(expression, lines, times)
    case 'vector':
      return evaluate(expression.of, lines, times).map((vector) => aggregated(expression, vector))
    case 'binary':
      return ofBinary(expression, lines, times)
    default:
      throw new Error(`${expression.kind} is no query about numbers`)
  }
}

/** From the first moment after the window's begin up to and with its end. */
function ofRange(range: RangeAggregation, lines: readonly Line[], times: readonly number[]): readonly Vector[] {
  const { operation, parameter, query, windowSeconds, by } = range
  const samples = samplesOf(query, lines)
  return times.map((at) => {
    const inWindow = samples.filter(({ seconds }) => seconds > at - windowSeconds && seconds <= at)
    if (operation === 'absent_over_time') return inWindow.length > 0 ? [] : [{ labels: askedFor(query), value: 1 }]
    return groups(inWindow, by).map(({ labels, values }) => ({ labels, value: overTime(operation, values, windowSeconds, parameter) }))
  })
}

/** Labels of an absent series: those that the query asked for. */
const askedFor = ({ selector }: LogQuery): Labels =>
  Object.fromEntries(selector.flatMap(({ name, operator, value }) => (operator === '=' ? [[name, value]] : [])))

function overTime(operation: string, values: readonly number[], windowSeconds: number, parameter?: number): number {
  switch (operation) {
    case 'count_over_time':
      return values.length
    case 'rate':
      return values.length / windowSeconds
    case 'quantile_over_time':
      return quantile(parameter ?? Number.NaN, values)
    default:
      return combined(operation.replace(/_over_time$/, ''), values)
  }
}

const aggregated = ({ operation, by }: VectorAggregation, vector: Vector): Vector =>
  groups(vector, by).map(({ labels, values }) => ({ labels, value: combined(operation, values) }))

function combined(operation: string, values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0)
  switch (operation) {
    case 'sum':
      return sum
    case 'avg':
      return sum / values.length
    case 'min':
      return Math.min(...values)
    case 'max':
      return Math.max(...values)
    case 'count':
      return values.length
    default:
      throw new Error(`${operation} is not known here`)
  }
}

/** Between two values, in proportion. */
function quantile(q: number, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const rank = q * (sorted.length - 1)
  const [low = Number.NaN, high = low] = [sorted[Math.floor(rank)], sorted[Math.ceil(rank)]]
  return low + (high - low) * (rank - Math.floor(rank))
}

/** A label that is empty is none. */
function groups(samples: readonly Sample[], by: readonly string[] | undefined) {
  const pick = ({ labels }: Sample): Labels =>
    Object.fromEntries(Object.entries(labels).filter(([name, value]) => value !== '' && (by === undefined || by.includes(name))))
  return [...Map.groupBy(samples, (sample) => keyOf(pick(sample))).values()].map((group) => ({
    labels: pick(group[0] as Sample),
    values: group.map(({ value }) => value),
  }))
}

const keyOf = (labels: Labels) => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))

function ofBinary({ operator, left, right }: Binary, lines: readonly Line[], times: readonly number[]): readonly Vector[] {
  const vectors = evaluate(left, lines, times)
  if (right.kind === 'number') return vectors.map((vector) => vector.filter(({ value }) => compares(operator, value, right.value)))
  const others = evaluate(right, lines, times).map((vector) => new Set(vector.map(({ labels }) => keyOf(labels))))
  if (operator !== 'unless' && operator !== 'and') throw new Error(`${operator} of two series is not known here`)
  return vectors.map((vector, index) => vector.filter(({ labels }) => others[index]?.has(keyOf(labels)) === (operator === 'and')))
}
