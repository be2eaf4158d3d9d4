import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { type CollectionResult, MetricReader } from '@opentelemetry/sdk-metrics'

/** Collecting is given up after this time. */
const COLLECT_TIMEOUT_MS = 5000

/** Collects when it is asked to: by a scrape. */
export class ScrapeReader extends MetricReader {
  readonly #serializer = new PrometheusSerializer(undefined, false, undefined, false, true)

  /** All metrics in Prometheus' text format 0.0.4. Fails if any could not be collected: half a page looks like a fall to 0. */
  async exposition(): Promise<string> {
    const { resourceMetrics, errors }: CollectionResult = await this.collect({ timeoutMillis: COLLECT_TIMEOUT_MS })
    if (errors.length > 0) throw new AggregateError(errors, 'some metrics could not be collected')
    return withFloatBounds(this.#serializer.serialize(resourceMetrics))
  }

  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
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
