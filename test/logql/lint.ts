import { type Fault, type Labels, labelsOfLines } from './lint-lines.ts'
import type { ShippedQuery } from './queries.ts'
import { type Binary, type Expression, parseLogql, type RangeAggregation, secondsIn } from './syntax.ts'

type Asked = Pick<ShippedQuery, 'expr'> & Partial<Omit<ShippedQuery, 'expr'>>

export interface LintOptions {
  /** As long as Loki keeps lines: looking back further finds nothing. */
  readonly retentionSeconds: number
}

/** Functions over the values that `unwrap` takes from lines; Loki groups only the first ones itself. */
const grouping = ['avg_over_time', 'min_over_time', 'max_over_time', 'stddev_over_time', 'stdvar_over_time', 'quantile_over_time']
const overValues = [...grouping, 'first_over_time', 'last_over_time', 'sum_over_time', 'rate_counter']
const overLines = ['count_over_time', 'rate', 'bytes_over_time', 'bytes_rate', 'absent_over_time']

/** Faults of a query: Loki would refuse it, or answer it with nothing, or with everything. */
export function faultsOf({ expr, named = [], everySeconds = 0 }: Asked, { retentionSeconds }: LintOptions): readonly string[] {
  const faults: string[] = []
  const fault: Fault = (text) => void faults.push(text)
  try {
    const labels = labelsOf(parseLogql(expr))
    for (const name of named) if (!labels.has(name)) fault(`${name} is named to the reader, but is no label of the result`)
  } catch (error) {
    fault((error as Error).message)
  }
  return faults

  /** The labels of the result. */
  function labelsOf(expression: Expression): Labels {
    switch (expression.kind) {
      case 'number':
        return new Map()
      case 'log':
        return labelsOfLines(expression, fault)
      case 'range':
        return ofRange(expression)
      case 'vector':
        return grouped(expression.by, labelsOf(expression.of))
      case 'binary':
        return ofBinary(expression)
    }
  }

  function ofRange({ operation, parameter, query, windowSeconds, by }: RangeAggregation): Labels {
    const unwraps = query.stages.some(({ kind }) => kind === 'unwrap')
    if (overValues.includes(operation) && !unwraps) fault(`${operation} needs values, from unwrap`)
    if (overLines.includes(operation) && unwraps) fault(`${operation} is about lines, so unwrap has no use`)
    if (by && !grouping.includes(operation)) fault(`${operation} takes no "by" of its own`)
    const isQuantile = operation === 'quantile_over_time'
    if (isQuantile ? !(parameter !== undefined && parameter >= 0 && parameter <= 1) : parameter !== undefined)
      fault(`${operation} does not take ${parameter ?? 'no number'}`)
    if (!(windowSeconds > 0)) fault('a window holds no time')
    if (windowSeconds > retentionSeconds) fault(`a window of ${windowSeconds} s is longer than lines are kept`)
    if (windowSeconds < everySeconds) fault(`a window of ${windowSeconds} s passes over lines between two evaluations`)
    const labels = labelsOfLines(query, fault)
    return by ? grouped(by, labels) : labels
  }

  function ofBinary({ operator, left, right }: Binary): Labels {
    const [labels, others] = [labelsOf(left), labelsOf(right)]
    if (left.kind === 'number') fault(`${operator} has its number in front`)
    if (right.kind !== 'number' && [...labels.keys()].sort().join() !== [...others.keys()].sort().join())
      fault(`the sides of ${operator} have other labels, and never match`)
    // What is there in the longer window is there in the shorter one, or has just ended: not the other way round.
    if (operator === 'unless' && longestWindow(right) > longestWindow(left)) fault('unless looks back further than what it takes from')
    return labels
  }

  function grouped(by: readonly string[], labels: Labels): Labels {
    for (const name of by) if (!labels.has(name)) fault(`there is no ${name} to group by`)
    return new Map([...labels].filter(([name]) => by.includes(name)))
  }
}

function longestWindow(expression: Expression): number {
  switch (expression.kind) {
    case 'range':
      return expression.windowSeconds
    case 'vector':
      return longestWindow(expression.of)
    case 'binary':
      return Math.max(longestWindow(expression.left), longestWindow(expression.right))
    default:
      return 0
  }
}

/** Retention in Loki's configuration, in seconds. */
export const retentionIn = ({ limits_config }: { readonly limits_config: { readonly retention_period: string } }): number =>
  secondsIn(limits_config.retention_period)
