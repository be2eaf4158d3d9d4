import type { LabelSet, MetricDefinition, Sample } from '../definition.ts'
import { type Series, SeriesSet } from './series.ts'

const noLabels: LabelSet = {}

/** One metric: its series, and how a subject is written to them. */
export class Instrument {
  readonly definition: MetricDefinition<never>
  readonly series: SeriesSet
  /** NaN would spoil a counter for ever; only gauges take what is negative. */
  readonly #lowest: number
  readonly #isGauge: boolean

  constructor(definition: MetricDefinition<never>, openLabelLimit: number) {
    this.definition = definition
    this.series = new SeriesSet(definition, openLabelLimit)
    this.#isGauge = definition.type === 'gauge'
    this.#lowest = this.#isGauge ? Number.NEGATIVE_INFINITY : 0
  }

  /** Makes every series that is known beforehand exist, counters at 0. */
  declare(node: string | undefined): void {
    for (const series of this.series.declared(node)) if (this.definition.type === 'counter') series.value ??= 0
  }

  record(node: string | undefined, subject: unknown): void {
    const measured = this.definition.measure(subject as never)
    if (measured === undefined) return
    if (typeof measured === 'number') this.#write(node, measured, noLabels)
    else if (isSample(measured)) this.#write(node, measured.value, measured.labels)
    else for (const { value, labels } of measured) this.#write(node, value, labels)
  }

  /** Empties all series, before they are read anew. Returns those that had a value. */
  reset(): readonly Series[] {
    const known = [...this.series.all()].filter(({ value }) => value !== undefined)
    for (const series of known) series.value = undefined
    return known
  }

  #write(node: string | undefined, value: number, labels: LabelSet): void {
    if (!Number.isFinite(value) || value < this.#lowest) return
    const series = this.series.find(node, labels)
    series.value = this.#isGauge ? value : (series.value ?? 0) + value
    const { buckets } = this.definition
    if (buckets === undefined) return
    let bucket = 0
    while (value > (buckets[bucket] ?? value)) bucket++
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
  }
}

const isSample = (measured: Sample | readonly Sample[]): measured is Sample => !Array.isArray(measured)
