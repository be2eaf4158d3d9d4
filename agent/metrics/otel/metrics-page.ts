import { ValueType } from '@opentelemetry/api'
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import type { Resource } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  type GaugeMetricData,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'

/** A family of metrics as it was written last. */
interface Family {
  /** Label set and value of each series, in turn. */
  readonly series: readonly unknown[]
  readonly text: string
}

/** Writes metrics in Prometheus' text format 0.0.4. Between two scrapes few families change, so only these are written anew. */
export class MetricsPage {
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, true, true)
  readonly #families = new Map<string, Family>()

  write({ resource, scopeMetrics }: ResourceMetrics): string {
    const metrics = [targetInfoOf(resource), ...scopeMetrics.flatMap(({ metrics }) => metrics)]
    let page = ''
    for (const [name, family] of Map.groupBy(metrics, ({ descriptor }) => descriptor.name)) page += this.#textOf(name, family, resource)
    return page
  }

  #textOf(name: string, metrics: MetricData[], resource: Resource): string {
    const known = this.#families.get(name)
    if (known && isUnchanged(known, metrics)) return known.text
    const text = withFloatBounds(this.#serializer.serialize({ resource, scopeMetrics: [{ scope: { name: '' }, metrics }] }))
    this.#families.set(name, {
      series: metrics.flatMap(({ dataPoints }) => dataPoints.flatMap((point) => [point.attributes, numberOf(point)])),
      text,
    })
    return text
  }
}

/** A series has one object of labels as long as it lives; a histogram changes only as its count grows. */
function isUnchanged({ series }: Family, metrics: readonly MetricData[]): boolean {
  let next = 0
  for (const { dataPoints } of metrics)
    for (const point of dataPoints) {
      if (series[next++] !== point.attributes || series[next++] !== numberOf(point)) return false
    }
  return next === series.length
}

function numberOf({ value }: MetricData['dataPoints'][number]): number | undefined {
  return typeof value === 'number' ? value : value.count
}

/** The resource as the metric that Prometheus knows it by. */
function targetInfoOf({ attributes }: Resource): GaugeMetricData {
  return {
    descriptor: { name: 'target_info', description: 'Target metadata', unit: '', valueType: ValueType.INT },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPointType: DataPointType.GAUGE,
    dataPoints: [{ attributes, startTime: [0, 0], endTime: [0, 0], value: 1 }],
  }
}

/**
 * Writes the bounds of buckets as Prometheus' Python client does (`1.0`, `1e+06`): Prometheus 2 takes `1` and `1.0` for two
 * series, and operators have recorded the latter.
 */
export function withFloatBounds(page: string): string {
  return page.replace(/([{,]le=")(\d+)"/g, (_, start: string, bound: string) => `${start}${floatOf(bound)}"`)
}

function floatOf(integer: string): string {
  if (integer.length < 7) return `${integer}.0`
  const mantissa = `${integer[0]}.${integer.slice(1)}`.replace(/\.?0+$/, '')
  return `${mantissa}e+${String(integer.length - 1).padStart(2, '0')}`
}
