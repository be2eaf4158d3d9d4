import { type HrTime, ValueType } from '@opentelemetry/api'
import { AggregationTemporality, type DataPoint, DataPointType, type Histogram, type MetricData } from '@opentelemetry/sdk-metrics'
import type { LabelSet, MetricDefinition, Reading, Sample } from '../definition.ts'
import { type Series, SeriesSet } from './series.ts'

const noLabels: LabelSet = {}

/** One metric: its series, and how a subject is written to them. */
export class Instrument {
  readonly definition: MetricDefinition<never>
  readonly #series: SeriesSet
  readonly #descriptor: MetricData['descriptor']
  /** NaN would spoil a counter for ever; only gauges take what is negative. */
  readonly #lowest: number
  readonly #isGauge: boolean
  #reading = 0

  constructor(definition: MetricDefinition<never>, openLabelLimit: number) {
    const { name, help, type } = definition
    this.definition = definition
    this.#series = new SeriesSet(definition, openLabelLimit)
    this.#descriptor = { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE }
    this.#isGauge = type === 'gauge'
    this.#lowest = this.#isGauge ? Number.NEGATIVE_INFINITY : 0
  }

  /** Makes every series of a counter or histogram that is known beforehand exist, at 0. */
  declare(node: string | undefined): void {
    if (!this.#isGauge) for (const series of this.#series.declared(node)) this.#begin(series)
  }

  /** Adds what is measured of a subject, or to a gauge sets it. */
  record(node: string | undefined, subject: unknown): void {
    const measured = this.definition.measure(subject as never)
    if (measured === undefined) return
    if (typeof measured === 'number') this.#write(node, measured, noLabels)
    else if (isSample(measured)) this.#write(node, measured.value, measured.labels, measured.counts)
    else for (const { value, labels, counts } of measured) this.#write(node, value, labels, counts)
  }

  /** Measures all subjects anew. A gauge that is no longer known is absent; a counter or histogram stays what it was. */
  read(readings: readonly Reading<unknown>[]): void {
    this.#reading++
    for (const { node, subjects } of readings) {
      this.declare(node)
      for (const subject of subjects) this.record(node, subject)
    }
    if (!this.#isGauge) return
    for (const series of this.#series.all()) if (series.reading !== this.#reading) series.value = undefined
  }

  /** Takes off all series of a node. */
  forget(node: string): void {
    this.#series.forget(node)
  }

  /** Returns the series that have a value. */
  collect(endTime: HrTime): MetricData {
    const descriptor = this.#descriptor
    const aggregationTemporality = AggregationTemporality.CUMULATIVE
    if (this.definition.type === 'histogram')
      return { descriptor, aggregationTemporality, dataPointType: DataPointType.HISTOGRAM, dataPoints: this.#histograms(endTime) }
    const dataPoints: DataPoint<number>[] = []
    for (const { attributes, startTime, value } of this.#series.all())
      if (value !== undefined) dataPoints.push({ attributes, startTime, endTime, value })
    return this.#isGauge
      ? { descriptor, aggregationTemporality, dataPointType: DataPointType.GAUGE, dataPoints }
      : { descriptor, aggregationTemporality, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
  }

  #histograms(endTime: HrTime): DataPoint<Histogram>[] {
    const boundaries = [...(this.definition.buckets ?? [])]
    const dataPoints: DataPoint<Histogram>[] = []
    for (const { attributes, startTime, value: sum, counts } of this.#series.all()) {
      if (sum === undefined) continue
      let count = 0
      for (const values of counts) count += values
      dataPoints.push({ attributes, startTime, endTime, value: { buckets: { boundaries, counts: [...counts] }, sum, count } })
    }
    return dataPoints
  }

  #write(node: string | undefined, value: number, labels: LabelSet, counts?: readonly number[]): void {
    if (!Number.isFinite(value) || value < this.#lowest) return
    const series = this.#series.find(node, labels)
    this.#begin(series)
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

  /** Lets a series start at 0, once in each reading. */
  #begin(series: Series): void {
    if (series.value !== undefined && series.reading === this.#reading) return
    series.reading = this.#reading
    series.value = 0
    series.counts.fill(0)
  }
}

function add(counts: number[], bucket: number, more: number): void {
  counts[bucket] = (counts[bucket] ?? 0) + more
}

const isSample = (measured: Sample | readonly Sample[]): measured is Sample => !Array.isArray(measured)

/** Returns the unit that OpenTelemetry has for a metric whose name ends as Prometheus wants it. */
export function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's'
  if (/_bytes(_total)?$/.test(name)) return 'By'
  return ''
}
