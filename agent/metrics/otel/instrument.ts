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

  /** Makes every series that is known beforehand exist, counters and histograms at 0. */
  declare(node: string | undefined): void {
    for (const series of this.series.declared(node)) if (!this.#isGauge) series.value ??= 0
  }

  record(node: string | undefined, subject: unknown): void {
    const measured = this.definition.measure(subject as never)
    if (measured === undefined) return
    if (typeof measured === 'number') this.#write(node, measured, noLabels)
    else if (isSample(measured)) this.#write(node, measured.value, measured.labels, measured.counts)
    else for (const { value, labels, counts } of measured) this.#write(node, value, labels, counts)
  }

  /** Empties all series, before they are read anew. Returns those that had a value. */
  reset(): readonly Series[] {
    const known = [...this.series.all()].filter(({ value }) => value !== undefined)
    for (const series of known) {
      series.value = undefined
      series.counts.fill(0)
    }
    return known
  }

  #write(node: string | undefined, value: number, labels: LabelSet, counts?: readonly number[]): void {
    if (!Number.isFinite(value) || value < this.#lowest) return
    const series = this.series.find(node, labels)
    series.value = this.#isGauge ? value : (series.value ?? 0) + value
    const { buckets } = this.definition
    if (buckets === undefined) return
    if (counts !== undefined) {
      for (let bucket = 0; bucket <= buckets.length; bucket++) add(series.counts, bucket, counts[bucket] ?? 0)
      return
    }
    let bucket = 0
    while (value > (buckets[bucket] ?? value)) bucket++
    add(series.counts, bucket, 1)
  }
}

function add(counts: number[], bucket: number, more: number): void {
  counts[bucket] = (counts[bucket] ?? 0) + more
}

const isSample = (measured: Sample | readonly Sample[]): measured is Sample => !Array.isArray(measured)
