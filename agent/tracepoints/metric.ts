export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly value: number
  readonly labels: Labels
}

/** What a metric takes from its subject: nothing where that is not known, one value, or values with labels. */
export type Measured = number | undefined | Sample | readonly Sample[]

/**
 * A metric as plain data; `agent/metrics/instruments.ts` makes an instrument of it.
 * Its name is the full Prometheus name, unit and `_total` included. Every series carries the label `node` as well.
 */
export interface MetricDefinition<Subject> {
  readonly name: string
  readonly type: 'counter' | 'histogram' | 'gauge'
  readonly help: string
  /** Upper bounds, of histograms only. */
  readonly buckets?: readonly number[]
  /** The label sets that exist from the start, at 0. Without labels: one empty set. */
  readonly series?: readonly Labels[]
  /** A label whose values nobody knows before: left out unless the operator asks for it, and then capped. */
  readonly openLabel?: string
  readonly measure: (subject: Subject) => Measured
}

type Options<Subject> = Omit<MetricDefinition<Subject>, 'name' | 'type' | 'buckets'>

export interface MetricBuilders<Subject> {
  counter(name: `${string}_total`, options: Options<Subject>): MetricDefinition<Subject>
  histogram(name: string, options: Options<Subject> & { readonly buckets: readonly number[] }): MetricDefinition<Subject>
  gauge(name: string, options: Options<Subject>): MetricDefinition<Subject>
}

/** Builders whose `measure` knows its subject's type. */
export const metricBuilders = <Subject>(): MetricBuilders<Subject> => ({
  counter: (name, options) => ({ name, type: 'counter', ...options }),
  histogram: (name, options) => ({ name, type: 'histogram', ...options }),
  gauge: (name, options) => ({ name, type: 'gauge', ...options }),
})

/** The label sets of one label with a closed set of values. */
export const oneOf = (label: string, values: readonly string[]): readonly Labels[] => values.map((value) => ({ [label]: value }))
