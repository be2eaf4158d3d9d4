import type { Attributes, Meter } from '@opentelemetry/api'
import type { Labels, Measured, MetricDefinition, Sample } from '../tracepoints/metric.ts'

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
  record(node: string, subject: unknown): void
  declare(node: string): void
  empty(): readonly EmptyHistogram[]
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
    for (const recorder of this.#recorders.values()) recorder.declare(node)
  }

  /** Declared histograms without a value: OpenTelemetry has no way to record them. */
  emptyHistograms(): readonly EmptyHistogram[] {
    return [...this.#recorders.values()].flatMap((recorder) => recorder.empty())
  }

  #create(definition: MetricDefinition<never>): Recorder {
    const { name, help, type, buckets } = definition
    const options = { description: help, unit: unitOf(name) }
    const series = new SeriesSet(definition, this.#options.openLabelLimit)
    const recorder = (write: (value: number, attributes: Attributes) => void, zero?: (attributes: Attributes) => void): Recorder => ({
      definition,
      record: (node, subject) => {
        forEachSample(definition.measure(subject as never), (value, labels) => {
          if (!Number.isFinite(value) || (type === 'counter' && value < 0)) return // NaN would spoil a counter for ever
          const entry = series.find(node, labels)
          entry.isEmpty = false
          write(value, entry.attributes)
        })
      },
      declare: (node) => {
        for (const labels of definition.series ?? [{}]) {
          const entry = series.find(node, labels)
          if (entry.isEmpty) zero?.(entry.attributes)
        }
      },
      empty: () => (type === 'histogram' ? series.empty().map((attributes) => ({ definition, attributes })) : []),
    })
    if (type === 'counter') {
      const counter = this.#meter.createCounter(name, options)
      return recorder(
        (value, attributes) => counter.add(value, attributes),
        (attributes) => counter.add(0, attributes),
      )
    }
    if (type === 'gauge') {
      const gauge = this.#meter.createGauge(name, options)
      return recorder((value, attributes) => gauge.record(value, attributes))
    }
    const histogram = this.#meter.createHistogram(name, { ...options, advice: { explicitBucketBoundaries: [...(buckets ?? [])] } })
    return recorder((value, attributes) => histogram.record(value, attributes))
  }
}

function forEachSample(measured: Measured, take: (value: number, labels: Labels) => void): void {
  if (measured === undefined) return
  if (typeof measured === 'number') take(measured, noLabels)
  else if (isSample(measured)) take(measured.value, measured.labels)
  else for (const { value, labels } of measured) take(value, labels)
}

const isSample = (measured: Sample | readonly Sample[]): measured is Sample => !Array.isArray(measured)
const noLabels: Labels = {}

interface Series {
  readonly attributes: Attributes
  isEmpty: boolean
}

/** The label sets of one metric. */
class SeriesSet {
  readonly #openLabel: string | undefined
  readonly #openLabelLimit: number
  readonly #series = new Map<string, Series>()
  readonly #openValues = new Map<string, Set<string>>()

  constructor(definition: MetricDefinition<never>, openLabelLimit: number) {
    this.#openLabel = definition.openLabel
    this.#openLabelLimit = openLabelLimit
  }

  find(node: string, given: Labels): Series {
    const labels = this.#openLabel === undefined ? given : this.#closed(node, given, this.#openLabel)
    let key = node
    for (const name in labels) key += `\0${labels[name]}`
    let series = this.#series.get(key)
    if (series === undefined) {
      series = { attributes: { node, ...labels }, isEmpty: true }
      this.#series.set(key, series)
    }
    return series
  }

  empty(): readonly Attributes[] {
    return [...this.#series.values()].filter(({ isEmpty }) => isEmpty).map(({ attributes }) => attributes)
  }

  /** Leaves the open label out, or holds it to the number of values that is allowed. */
  #closed(node: string, given: Labels, name: string): Labels {
    const { [name]: value, ...labels } = given
    if (this.#openLabelLimit === 0) return labels
    const key = [node, ...Object.values(labels)].join('\0')
    const values = this.#openValues.get(key) ?? new Set()
    this.#openValues.set(key, values)
    if (value !== undefined && values.size < this.#openLabelLimit) values.add(value)
    return { ...labels, [name]: value !== undefined && values.has(value) ? value : 'other' }
  }
}
