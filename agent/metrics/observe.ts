import type { BatchObservableResult, Meter, Observable } from '@opentelemetry/api'
import type { Sample } from '../tracepoints/metric.ts'
import { unitOf } from './instruments.ts'
import type { SelfMetric, SelfState } from './self.ts'

/** Makes observable instruments of metrics that are read when they are collected: the state is taken once for all of them. */
export function observe(meter: Meter, metrics: readonly SelfMetric[], state: () => Promise<SelfState>): void {
  const instruments = metrics.map(({ name, type, help }) => {
    const options = { description: help, unit: unitOf(name) }
    return type === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options)
  })
  meter.addBatchObservableCallback(async (result) => {
    const now = await state()
    metrics.forEach(({ measure }, i) => {
      for (const { value, labels } of samplesOf(measure(now))) observeFinite(result, instruments[i] as Observable, value, labels)
    })
  }, instruments)
}

function observeFinite(result: BatchObservableResult, instrument: Observable, value: number, labels: Sample['labels']): void {
  if (Number.isFinite(value)) result.observe(instrument, value, labels)
}

function samplesOf(measured: ReturnType<SelfMetric['measure']>): readonly Sample[] {
  if (measured === undefined) return []
  if (typeof measured === 'number') return [{ value: measured, labels: {} }]
  return Array.isArray(measured) ? measured : [measured as Sample]
}
