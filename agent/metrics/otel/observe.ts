import type { Meter, Observable } from '@opentelemetry/api'
import type { SelfMetric, SelfState } from '../agent-metrics.ts'
import { unitOf } from './instruments.ts'
import { forEachSample } from './samples.ts'

/** Makes observable instruments of metrics that are read when they are collected: the state is taken once for all of them. */
export function observe(meter: Meter, metrics: readonly SelfMetric[], state: () => Promise<SelfState>): void {
  const instruments = metrics.map(({ name, type, help }) => {
    const options = { description: help, unit: unitOf(name) }
    return type === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options)
  })
  meter.addBatchObservableCallback(async (result) => {
    const now = await state()
    metrics.forEach(({ measure }, i) => {
      forEachSample(measure(now), instruments[i] as Observable, (instrument, value, labels) => {
        if (Number.isFinite(value)) result.observe(instrument, value, labels)
      })
    })
  }, instruments)
}
