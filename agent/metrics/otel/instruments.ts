import type { Attributes, Meter, Observable } from '@opentelemetry/api'
import type { MetricDefinition, ObservedMetrics } from '../definition.ts'
import { Instrument } from './instrument.ts'
import type { Series } from './series.ts'

/** Returns the unit that OpenTelemetry has for a metric whose name ends as Prometheus wants it. */
export function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's'
  if (/_bytes(_total)?$/.test(name)) return 'By'
  return ''
}

export interface InstrumentOptions {
  /** Values that an open label may take for one node and one set of other labels; 0 leaves such labels out. */
  readonly openLabelLimit: number
  /** Takes series out of the SDK, which otherwise exports them as they were last. */
  readonly drop: (isGone: (metric: string, attributes: Attributes) => boolean) => void
}

/** An instrument that is read when metrics are collected. */
interface Observed {
  readonly instrument: Instrument
  readonly observable: Observable
}

/** Makes OpenTelemetry instruments of metric definitions, and records or observes what these measure. */
export class Instruments {
  readonly #meter: Meter
  readonly #options: InstrumentOptions
  /** By name. */
  readonly #recorded = new Map<string, Instrument>()
  readonly #observed: Instrument[] = []

  constructor(meter: Meter, options: InstrumentOptions) {
    this.#meter = meter
    this.#options = options
  }

  /** Returns a function that records a subject of these metrics. A metric that stands in several lists is one instrument. */
  recorderOf<Subject>(definitions: readonly MetricDefinition<Subject>[]): (node: string, subject: Subject) => void {
    const instruments = definitions.map((definition) => {
      const known = this.#recorded.get(definition.name) ?? this.#createRecorded(definition as MetricDefinition<never>)
      this.#recorded.set(definition.name, known)
      return known
    })
    return (node, subject) => {
      for (const instrument of instruments) instrument.record(node, subject)
    }
  }

  /** Reads these metrics whenever they are collected; the state is taken once for all of them. */
  observe<State>(metrics: readonly ObservedMetrics<State>[], readState: () => Promise<State>): void {
    const groups = metrics.map(({ definitions, readings }) => ({
      readings,
      observed: definitions.map((definition) => this.#createObserved(definition)),
    }))
    const all = groups.flatMap(({ observed }) => observed)
    this.#observed.push(...all.map(({ instrument }) => instrument))
    this.#meter.addBatchObservableCallback(
      async (result) => {
        const state = await readState()
        for (const { readings, observed } of groups) {
          const read = [...readings(state)]
          for (const { instrument, observable } of observed) {
            const before = instrument.reset()
            for (const { node, subjects } of read) {
              instrument.declare(node)
              for (const subject of subjects) instrument.record(node, subject)
            }
            this.#dropGone(instrument, before)
            for (const { value, attributes } of instrument.series.all())
              if (value !== undefined) result.observe(observable, value, attributes)
          }
        }
      },
      all.map(({ observable }) => observable),
    )
  }

  /** Makes every recorded series of a node that is known beforehand exist, at 0. Gauges wait for their first value. */
  declare(node: string): void {
    for (const instrument of this.#recorded.values()) instrument.declare(node)
  }

  /** Takes off all series of a node. */
  forget(node: string): void {
    for (const instrument of [...this.#recorded.values(), ...this.#observed]) instrument.series.forget(node)
    this.#options.drop((_, attributes) => attributes.node === node)
  }

  /** The histograms, for a producer of theirs: OpenTelemetry has none that are observed. */
  histograms(): readonly Instrument[] {
    return [...this.#recorded.values()].filter(({ definition }) => definition.type === 'histogram')
  }

  /**
   * Values are added up here and read when they are collected: a recording costs OpenTelemetry a microsecond for each reader,
   * which is much at a hundred thousand events a second.
   */
  #createRecorded(definition: MetricDefinition<never>): Instrument {
    if (definition.type === 'histogram') return this.#instrumentOf(definition)
    const { instrument, observable } = this.#createObserved(definition)
    observable.addCallback((result) => {
      for (const { value, attributes } of instrument.series.all()) if (value !== undefined) result.observe(value, attributes)
    })
    return instrument
  }

  #createObserved(definition: MetricDefinition<never>): Observed {
    const { name, type } = definition
    const options = optionsOf(definition)
    const observable =
      type === 'counter' ? this.#meter.createObservableCounter(name, options) : this.#meter.createObservableGauge(name, options)
    return { instrument: this.#instrumentOf(definition), observable }
  }

  /** A gauge that is no longer known is absent. A counter stays what it was. */
  #dropGone({ definition: { name, type } }: Instrument, before: readonly Series[]): void {
    if (type !== 'gauge') return
    const gone = new Set(before.filter(({ value }) => value === undefined).map(({ attributes }) => attributes))
    if (gone.size > 0) this.#options.drop((metric, attributes) => metric === name && gone.has(attributes))
  }

  #instrumentOf(definition: MetricDefinition<never>): Instrument {
    return new Instrument(definition, this.#options.openLabelLimit)
  }
}

const optionsOf = ({ name, help }: MetricDefinition<never>) => ({ description: help, unit: unitOf(name) })
