import { ValueType } from '@opentelemetry/api'
import { emptyResource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import type { Instrument } from './instrument.ts'
import { unitOf } from './instruments.ts'

/** Hands on the histograms, which are added up by their series: one that is declared stands at 0, so that its first value counts for `increase()`. */
export function histogramProducer(scope: string, histograms: () => Promise<readonly Instrument[]>): MetricProducer {
  const startTime = now()
  return {
    async collect(): Promise<CollectionResult> {
      const instruments = await histograms()
      const endTime = now()
      const all = instruments.map(({ definition: { name, help, buckets = [] }, series }): HistogramMetricData => {
        const boundaries = [...buckets]
        return {
          descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
          aggregationTemporality: AggregationTemporality.CUMULATIVE,
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: [...series.all()].flatMap(({ attributes, value: sum, counts }) =>
            sum === undefined
              ? []
              : {
                  attributes,
                  startTime,
                  endTime,
                  value: { buckets: { boundaries, counts: [...counts] }, sum, count: counts.reduce((all, count) => all + count, 0) },
                },
          ),
        }
      })
      const metrics = all.filter(({ dataPoints }) => dataPoints.length > 0)
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: { name: scope }, metrics }] }, errors: [] }
    },
  }
}

/** Wall clock as OpenTelemetry has it: seconds and nanoseconds. */
function now(): [number, number] {
  const milliseconds = Date.now()
  return [Math.trunc(milliseconds / 1000), (milliseconds % 1000) * 1e6]
}
