import { emptyResource } from '@opentelemetry/resources'
import type { CollectionResult, MetricProducer, ScopeMetrics } from '@opentelemetry/sdk-metrics'
import type { MetricDefinition, ObservedMetrics } from '../definition.ts'
import { Instrument } from './instrument.ts'
import { wallClock } from './wall-clock.ts'

export interface InstrumentsOptions {
  /** Name of their instrumentation scope. */
  readonly scope: string
  /** Values that an open label may take for one node and one set of other labels; 0 leaves such labels out. */
  readonly openLabelLimit: number
}

/**
 * Makes instruments of metric definitions, records or observes what these measure, and hands the series to OpenTelemetry's readers.
 * OpenTelemetry's own instruments have no series that ends, no histogram that is observed or stands at 0 from the start, and no more than
 * 2,000 series of a metric; and each recording would cost a microsecond for each reader.
 */
export class Instruments implements MetricProducer {
  readonly #options: InstrumentsOptions
  /** By name. */
  readonly #recorded = new Map<string, Instrument>()
  readonly #observed: Instrument[] = []
  readonly #readings: (() => Promise<void>)[] = []

  constructor(options: InstrumentsOptions) {
    this.#options = options
  }

  /** Returns a function that records a subject of these metrics. A metric that stands in several lists is one instrument. */
  recorderOf<Subject>(definitions: readonly MetricDefinition<Subject>[]): (node: string, subject: Subject) => void {
    const instruments = definitions.map((definition) => {
      const known = this.#recorded.get(definition.name) ?? this.#create(definition as MetricDefinition<never>)
      this.#recorded.set(definition.name, known)
      return known
    })
    return (node, subject) => {
      // Called with each event: an iterator costs more than most of the metrics.
      for (let i = 0; i < instruments.length; i++) instruments[i]?.record(node, subject)
    }
  }

  /** Reads these metrics whenever they are collected; the state is taken once for all of them. */
  observe<State>(metrics: readonly ObservedMetrics<State>[], readState: () => Promise<State>): void {
    const groups = metrics.map(({ definitions, readings }) => ({
      readings,
      instruments: definitions.map((definition) => this.#create(definition)),
    }))
    this.#observed.push(...groups.flatMap(({ instruments }) => instruments))
    this.#readings.push(
      shared(async () => {
        const state = await readState()
        for (const { readings, instruments } of groups) {
          const read = [...readings(state)]
          for (const instrument of instruments) instrument.read(read)
        }
      }),
    )
  }

  /** Makes every recorded series of a node that is known beforehand exist, at 0. Gauges wait for their first value. */
  declare(node: string): void {
    for (const instrument of this.#recorded.values()) instrument.declare(node)
  }

  /** Takes off all series of a node. */
  forget(node: string): void {
    for (const instrument of this.#all()) instrument.forget(node)
  }

  /** Collects nothing where anything could not be read: half of the values look like a fall to 0, or stand still. */
  async collect(): Promise<CollectionResult> {
    const errors: unknown[] = []
    for (const result of await Promise.allSettled(this.#readings.map((read) => read())))
      if (result.status === 'rejected') errors.push(result.reason)
    return { resourceMetrics: { resource: emptyResource(), scopeMetrics: errors.length > 0 ? [] : this.#scopeMetrics() }, errors }
  }

  #scopeMetrics(): ScopeMetrics[] {
    const endTime = wallClock()
    const metrics = this.#all()
      .map((instrument) => instrument.collect(endTime))
      .filter(({ dataPoints }) => dataPoints.length > 0)
    return [{ scope: { name: this.#options.scope }, metrics }]
  }

  #create(definition: MetricDefinition<never>): Instrument {
    return new Instrument(definition, this.#options.openLabelLimit)
  }

  #all(): readonly Instrument[] {
    return [...this.#recorded.values(), ...this.#observed]
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
