import type { Attributes, Meter, Observable } from '@opentelemetry/api'
import type { MetricDefinition, ObservedMetrics, Reading } from '../definition.ts'
import { Instrument } from './instrument.ts'

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

/** An instrument that is read when metrics are collected. A histogram has no observable: OpenTelemetry has none. */
interface Observed {
  readonly instrument: Instrument
  readonly observable?: Observable
}

/** Makes OpenTelemetry instruments of metric definitions, and records or observes what these measure. */
export class Instruments {
  readonly #meter: Meter
  readonly #options: InstrumentOptions
  /** By name. */
  readonly #recorded = new Map<string, Instrument>()
  readonly #observed: Instrument[] = []
  readonly #readings: (() => Promise<void>)[] = []

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
    const read = shared(async () => {
      const state = await readState()
      for (const { readings, observed } of groups) {
        const read = [...readings(state)]
        for (const { instrument } of observed) this.#readInto(instrument, read)
      }
    })
    this.#readings.push(read)
    this.#meter.addBatchObservableCallback(
      async (result) => {
        await read()
        for (const { instrument, observable } of all)
          if (observable)
            for (const { value, attributes } of instrument.series.all())
              if (value !== undefined) result.observe(observable, value, attributes)
      },
      all.flatMap(({ observable }) => observable ?? []),
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

  /** Reads the histograms, for a producer of theirs: OpenTelemetry has none that are observed. */
  async histograms(): Promise<readonly Instrument[]> {
    await Promise.all(this.#readings.map((read) => read()))
    return [...this.#recorded.values(), ...this.#observed].filter(({ definition }) => definition.type === 'histogram')
  }

  /**
   * Values are added up here and read when they are collected: a recording costs OpenTelemetry a microsecond for each reader,
   * which is much at a hundred thousand events a second.
   */
  #createRecorded(definition: MetricDefinition<never>): Instrument {
    const { instrument, observable } = this.#createObserved(definition)
    observable?.addCallback((result) => {
      for (const { value, attributes } of instrument.series.all()) if (value !== undefined) result.observe(value, attributes)
    })
    return instrument
  }

  #createObserved(definition: MetricDefinition<never>): Observed {
    const { name, type } = definition
    const options = optionsOf(definition)
    const instrument = new Instrument(definition, this.#options.openLabelLimit)
    if (type === 'histogram') return { instrument }
    const observable =
      type === 'counter' ? this.#meter.createObservableCounter(name, options) : this.#meter.createObservableGauge(name, options)
    return { instrument, observable }
  }

  /** Reads an instrument anew. A gauge that is no longer known is absent; a counter stays what it was. */
  #readInto(instrument: Instrument, readings: readonly Reading<unknown>[]): void {
    const before = instrument.reset()
    for (const { node, subjects } of readings) {
      instrument.declare(node)
      for (const subject of subjects) instrument.record(node, subject)
    }
    const { name, type } = instrument.definition
    if (type !== 'gauge') return
    const gone = new Set(before.filter(({ value }) => value === undefined).map(({ attributes }) => attributes))
    if (gone.size > 0) this.#options.drop((metric, attributes) => metric === name && gone.has(attributes))
  }
}

/** One run serves all who ask for it meanwhile. */
function shared(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
}

const optionsOf = ({ name, help }: MetricDefinition<never>) => ({ description: help, unit: unitOf(name) })
