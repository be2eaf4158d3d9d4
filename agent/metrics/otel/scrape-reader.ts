import { type CollectionResult, MetricReader } from '@opentelemetry/sdk-metrics'
import { MetricsPage } from './metrics-page.ts'

/** Collects when it is asked to: by a scrape. */
export class ScrapeReader extends MetricReader {
  readonly #page = new MetricsPage()

  /** All metrics in Prometheus' text format 0.0.4. Fails if any could not be collected: half a page looks like a fall to 0. */
  async exposition(): Promise<string> {
    const { resourceMetrics, errors }: CollectionResult = await this.collect()
    if (errors.length > 0) throw new AggregateError(errors, 'some metrics could not be collected')
    return this.#page.write(resourceMetrics)
  }

  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
