// The language in which tracepoints, blocks, nodes and the agent itself declare their metrics. It imports nothing: a definition is
// plain data, of which metrics/otel/ makes an instrument.

/** The labels of one series, `node` left out. */
export type LabelSet = Readonly<Record<string, string>>

/**
 * The values that a label takes: one of a closed set, `any` where the subject has few, or `open` where nobody knows how many
 * there are: such a label is left out unless the operator asks for it, and then capped.
 */
type LabelValues = readonly string[] | 'any' | 'open'

export interface Sample {
  /** Of a histogram that was added up elsewhere, the sum of what is in its buckets. */
  readonly value: number
  readonly labels: LabelSet
  /** How many values are in each of those buckets. */
  readonly counts?: readonly number[]
}

export const sample = (value: number, labels: LabelSet): Sample => ({ value, labels })
/** Values that were added up elsewhere, into the buckets that the histogram has. */
export const distribution = (counts: readonly number[], sum: number, labels: LabelSet): Sample => ({ value: sum, labels, counts })

/** Result of a measure: nothing where it is not known, one value, or values with labels. */
type Measured = number | undefined | Sample | readonly Sample[]

/** A metric as plain data. Its name is the full Prometheus name, unit and `_total` included. */
export interface MetricDefinition<Subject> {
  readonly name: string
  readonly type: 'counter' | 'histogram' | 'gauge'
  readonly help: string
  /** Upper bounds, of histograms only. */
  readonly buckets?: readonly number[]
  readonly labels?: Readonly<Record<string, LabelValues>>
  readonly measure: (subject: Subject) => Measured
}

type Options<Subject> = Omit<MetricDefinition<Subject>, 'name' | 'type' | 'buckets'>

/** A definition of which the types know the name, the labels and the buckets. */
type Defined<Subject, Type extends MetricDefinition<Subject>['type'], Name extends string, O> = MetricDefinition<Subject> & {
  readonly type: Type
  readonly name: Name
} & Readonly<Pick<O, keyof O & ('labels' | 'buckets')>>

export interface MetricBuilders<Subject> {
  counter<const Name extends `${string}_total`, const O extends Options<Subject>>(
    name: Name,
    options: O,
  ): Defined<Subject, 'counter', Name, O>
  histogram<const Name extends string, const O extends Options<Subject> & { readonly buckets: readonly number[] }>(
    name: Name,
    options: O,
  ): Defined<Subject, 'histogram', Name, O>
  gauge<const Name extends string, const O extends Options<Subject>>(name: Name, options: O): Defined<Subject, 'gauge', Name, O>
}

/** Returns builders whose `measure` knows its subject's type. */
export const metricBuilders = <Subject>(): MetricBuilders<Subject> => ({
  counter: (name, options) => ({ name, type: 'counter', ...options }),
  histogram: (name, options) => ({ name, type: 'histogram', ...options }),
  gauge: (name, options) => ({ name, type: 'gauge', ...options }),
})

/** Returns the label sets that exist from the start, at 0: each combination of closed values. None where a label takes any. */
export function declaredLabelSets({ labels = {} }: MetricDefinition<never>): readonly LabelSet[] {
  return Object.entries(labels).reduce<readonly LabelSet[]>(
    (sets, [label, values]) => {
      if (values === 'open') return sets
      if (values === 'any') return []
      return sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })))
    },
    [{}],
  )
}

/** Subjects of a node that are measured when metrics are collected; of the agent itself where there is no node. */
export interface Reading<Subject> {
  readonly node?: string
  readonly subjects: Iterable<Subject>
}

/** Metrics that are measured when they are collected, and their subjects in the state that is taken then. */
export interface ObservedMetrics<State> {
  readonly definitions: readonly MetricDefinition<never>[]
  readonly readings: (state: State) => Iterable<Reading<unknown>>
}

export const observed = <State, Subject>(
  definitions: readonly MetricDefinition<Subject>[],
  readings: (state: State) => Iterable<Reading<Subject>>,
): ObservedMetrics<State> => ({ definitions, readings })
