import type { Attributes, Meter } from '@opentelemetry/api'
import type { Labels, MetricDefinition } from '../definition.ts'
import { forEachSample, noLabels } from './samples.ts'
import { type Series, SeriesSet } from './series.ts'

/** The unit that OpenTelemetry has for a metric whose name ends as Prometheus wants it. */
export function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's'
  if (/_bytes(_total)?$/.test(name)) return 'By'
  return ''
}

/** A histogram's label set that exists but has no value yet. */
export interface EmptyHistogram {
  readonly definition: MetricDefinition<never>
  readonly attributes: Attributes
}

export interface InstrumentOptions {
  /** Values that an open label may take for one node and one set of other labels; 0 leaves such labels out. */
  readonly openLabelLimit: number
}

/** Takes what a subject says of one metric. */
interface Recorder {
  readonly definition: MetricDefinition<never>
  readonly series: SeriesSet
  record(node: string, subject: unknown): void
}

/** Makes OpenTelemetry instruments of metric definitions and records to them. */
export class Instruments {
  readonly #meter: Meter
  readonly #options: InstrumentOptions
  readonly #recorders = new Map<string, Recorder>()

  constructor(meter: Meter, options: InstrumentOptions) {
    this.#meter = meter
    this.#options = options
  }

  /** A function that records a subject of these metrics. A metric that stands in several lists is one instrument. */
  recorderOf<Subject>(definitions: readonly MetricDefinition<Subject>[]): (node: string, subject: Subject) => void {
    const recorders = definitions.map((definition) => {
      const known = this.#recorders.get(definition.name) ?? this.#create(definition as MetricDefinition<never>)
      this.#recorders.set(definition.name, known)
      return known
    })
    return (node, subject) => {
      for (const recorder of recorders) recorder.record(node, subject)
    }
  }

  /** Makes every series of a node that is known beforehand exist, at 0. Gauges wait for their first value. */
  declare(node: string): void {
    for (const { definition, series } of this.#recorders.values())
      for (const labels of definition.series ?? [noLabels]) {
        const declared = series.find(node, labels)
        if (definition.type === 'counter') declared.value ??= 0
      }
  }

  /** Takes off all series of a node. What the SDK keeps of them is dropped by `Telemetry.forget`. */
  forget(node: string): void {
    for (const { series } of this.#recorders.values()) series.forget(node)
  }

  /** Declared histograms without a value: OpenTelemetry has no way to record them. */
  emptyHistograms(): readonly EmptyHistogram[] {
    return [...this.#recorders.values()]
      .filter(({ definition }) => definition.type === 'histogram')
      .flatMap(({ definition, series }) =>
        [...series.all()].filter(({ value }) => value === undefined).map(({ attributes }) => ({ definition, attributes })),
      )
  }

  #create(definition: MetricDefinition<never>): Recorder {
    const series = new SeriesSet(definition, this.#options.openLabelLimit)
    const write = this.#writer(definition, series)
    const lowest = definition.type === 'gauge' ? Number.NEGATIVE_INFINITY : 0
    const take = (node: string, value: number, labels: Labels) => {
      // NaN would spoil a counter for ever; only gauges take what is negative.
      if (Number.isFinite(value) && value >= lowest) write(series.find(node, labels), value)
    }
    return { definition, series, record: (node, subject) => forEachSample(definition.measure(subject as never), node, take) }
  }

  /**
   * Counters and gauges are added up here and observed when they are collected: a recording costs OpenTelemetry a
   * microsecond for each reader, which is much at a hundred thousand events a second.
   */
  #writer({ name, help, type, buckets }: MetricDefinition<never>, series: SeriesSet): (to: Series, value: number) => void {
    const options = { description: help, unit: unitOf(name) }
    if (type === 'histogram') {
      const histogram = this.#meter.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: [...(buckets ?? [])] } })
      return (to, value) => {
        to.value = value
        histogram.record(value, to.attributes)
      }
    }
    const instrument =
      type === 'counter' ? this.#meter.createObservableCounter(name, options) : this.#meter.createObservableGauge(name, options)
    instrument.addCallback((result) => {
      for (const { value, attributes } of series.all()) if (value !== undefined) result.observe(value, attributes)
    })
    if (type === 'gauge')
      return (to, value) => {
        to.value = value
      }
    return (to, value) => {
      to.value = (to.value ?? 0) + value
    }
  }
}
