export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly value: number
  readonly labels: Labels
}

/** What a metric takes from its subject: nothing where that is not known, one value, or values with labels. */
export type Measured = number | undefined | Sample | readonly Sample[]

/**
 * A metric as plain data; `agent/metrics/otel/instruments.ts` makes an instrument of it.
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

/** A definition of which the types know the name, the labels and the buckets. */
type Defined<Subject, Type extends MetricDefinition<Subject>['type'], Name extends string, O> = MetricDefinition<Subject> & {
  readonly type: Type
  readonly name: Name
} & Readonly<Pick<O, keyof O & ('series' | 'openLabel' | 'buckets')>>

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

/** Builders whose `measure` knows its subject's type. */
export const metricBuilders = <Subject>(): MetricBuilders<Subject> => ({
  counter: (name, options) => ({ name, type: 'counter', ...options }),
  histogram: (name, options) => ({ name, type: 'histogram', ...options }),
  gauge: (name, options) => ({ name, type: 'gauge', ...options }),
})

/** The label sets of one label with a closed set of values. */
export const oneOf = <Label extends string, Value extends string>(label: Label, values: readonly Value[]) =>
  values.map((value) => ({ [label]: value }) as Readonly<Record<Label, Value>>)
