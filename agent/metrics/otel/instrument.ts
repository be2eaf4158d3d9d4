import type { Attributes } from '@opentelemetry/api'
import type { LabelSet, MetricDefinition, Sample } from '../definition.ts'
import { type Series, SeriesSet } from './series.ts'

const noLabels: LabelSet = {}

/** One metric: its series, and how a subject is written to them. */
export class Instrument {
  readonly definition: MetricDefinition<never>
  readonly #series: SeriesSet
  readonly #recordToSdk: ((value: number, attributes: Attributes) => void) | undefined
  /** NaN would spoil a counter for ever; only gauges take what is negative. */
  readonly #lowest: number

  /** Values of a histogram go to the SDK, one by one; those of others are observed when they are collected. */
  constructor(definition: MetricDefinition<never>, openLabelLimit: number, recordToSdk?: (value: number, attributes: Attributes) => void) {
    this.definition = definition
    this.#series = new SeriesSet(definition, openLabelLimit)
    this.#recordToSdk = recordToSdk
    this.#lowest = definition.type === 'gauge' ? Number.NEGATIVE_INFINITY : 0
  }

  /** Makes every series that is known beforehand exist, counters at 0. */
  declare(node: string | undefined): void {
    for (const series of this.#series.declared(node)) if (this.definition.type === 'counter') series.value ??= 0
  }

  record(node: string | undefined, subject: unknown): void {
    const measured = this.definition.measure(subject as never)
    if (measured === undefined) return
    if (typeof measured === 'number') this.#write(node, measured, noLabels)
    else if (isSample(measured)) this.#write(node, measured.value, measured.labels)
    else for (const { value, labels } of measured) this.#write(node, value, labels)
  }

  /** Empties all series, before they are read anew. */
  reset(): void {
    for (const series of this.#series.all()) series.value = undefined
  }

  /** Takes off all series of a node. */
  forget(node: string): void {
    this.#series.forget(node)
  }

  series(): Iterable<Readonly<Series>> {
    return this.#series.all()
  }

  #write(node: string | undefined, value: number, labels: LabelSet): void {
    if (!Number.isFinite(value) || value < this.#lowest) return
    const series = this.#series.find(node, labels)
    series.value = this.definition.type === 'counter' ? (series.value ?? 0) + value : value
    this.#recordToSdk?.(value, series.attributes)
  }
}

const isSample = (measured: Sample | readonly Sample[]): measured is Sample => !Array.isArray(measured)
