import { ValueType } from '@opentelemetry/api'
import { emptyResource } from '@opentelemetry/resources'
import type { CollectionResult, HistogramMetricData, MetricProducer } from '@opentelemetry/sdk-metrics'
import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics'
import { type EmptyHistogram, unitOf } from './instruments.ts'

/** Shows declared histograms at 0 until they have a value, so that the first one counts for `increase()`. */
export function emptyHistogramProducer(scope: string, empty: () => readonly EmptyHistogram[]): MetricProducer {
  const startTime = now()
  return {
    async collect(): Promise<CollectionResult> {
      const metrics = Map.groupBy(empty(), ({ definition }) => definition)
        .entries()
        .map(([definition, series]): HistogramMetricData => {
          const boundaries = [...(definition.buckets ?? [])]
          return {
            descriptor: { name: definition.name, description: definition.help, unit: unitOf(definition.name), valueType: ValueType.DOUBLE },
            aggregationTemporality: AggregationTemporality.CUMULATIVE,
            dataPointType: DataPointType.HISTOGRAM,
            dataPoints: series.map(({ attributes }) => ({
              attributes,
              startTime,
              endTime: now(),
              value: { buckets: { boundaries, counts: Array(boundaries.length + 1).fill(0) }, sum: 0, count: 0 },
            })),
          }
        })
        .toArray()
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: { name: scope }, metrics }] }, errors: [] }
    },
  }
}

/** Wall clock as OpenTelemetry has it: seconds and nanoseconds. */
function now(): [number, number] {
  const milliseconds = Date.now()
  return [Math.trunc(milliseconds / 1000), (milliseconds % 1000) * 1e6]
}
