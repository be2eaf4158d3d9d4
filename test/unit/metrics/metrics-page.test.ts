import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { expect, it } from 'vitest'
import { MetricsPage, withFloatBounds } from '../../../agent/metrics/otel/metrics-page.ts'

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

it('writes what the exporter writes of all metrics anew, whichever of them changed', async () => {
  const reader = new Reader()
  const provider = new MeterProvider({ resource: resourceFromAttributes({ 'service.name': 's', 'host.name': 'a"b' }), readers: [reader] })
  const meter = provider.getMeter('m')
  const histogram = meter.createHistogram('took_seconds', {
    description: 'Time',
    unit: 's',
    advice: { explicitBucketBoundaries: [0.5, 1] },
  })
  const counter = meter.createCounter('seen_total', { description: 'Seen' })
  let level: number | undefined
  meter.createObservableGauge('level').addCallback((result) => {
    if (level !== undefined) result.observe(level, { node: 'n' })
  })
  const steps: readonly (() => void)[] = [
    () => histogram.record(0.1, { node: 'n' }),
    () => {},
    () => histogram.record(0, { node: 'n' }), // changes no sum
    () => counter.add(0, { node: 'n' }),
    () => counter.add(0, { node: 'other' }),
    () => counter.add(2, { node: 'n' }),
    () => {
      level = 3
    },
    () => {
      level = -1
    },
  ]
  const page = new MetricsPage()
  for (const step of steps) {
    step()
    const { resourceMetrics } = await reader.collect()
    const anew = new PrometheusSerializer(undefined, false, undefined, false, true).serialize(resourceMetrics)
    expect(page.write(resourceMetrics)).toBe(withFloatBounds(anew))
  }
})
