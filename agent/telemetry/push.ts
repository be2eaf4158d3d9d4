import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http'
import {
  AggregationTemporality,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Logger } from 'pino'

export interface PushOptions {
  /** Where metrics go: the full URL, path included. */
  readonly url: string
  /** The URL as logs may show it. */
  readonly shownAs: string
  readonly intervalMs: number
  /** What a push may take, tries included. */
  readonly timeoutMs: number
  readonly metricProducers: MetricProducer[]
  readonly log: Logger
}

/** How many pushes went well, and how many did not. */
export interface PushCounts {
  successes: number
  failures: number
}

/** Pushes all metrics at an interval, by OTLP over HTTP. Headers, compression and certificates come from `OTEL_*`. */
export function createPushReader(
  { url, shownAs, intervalMs, timeoutMs, metricProducers, log }: PushOptions,
  counts: PushCounts,
): PeriodicExportingMetricReader {
  // The exporter gives up before the reader does: a send that only the reader has given up would deliver old values late.
  const timeoutMillis = Math.trunc(Math.min(timeoutMs, 0.9 * intervalMs))
  return new PeriodicExportingMetricReader({
    exporter: new WatchedExporter(new OTLPMetricExporter({ url, timeoutMillis }), shownAs, counts, log),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: intervalMs,
    metricProducers,
  })
}

type ExportCallback = Parameters<PushMetricExporter['export']>[1]

/** Counts what becomes of each push, and logs when that changes. */
class WatchedExporter implements PushMetricExporter {
  readonly #exporter: OTLPMetricExporter
  readonly #url: string
  readonly #counts: PushCounts
  readonly #log: Logger
  #isFailing: boolean | undefined

  constructor(exporter: OTLPMetricExporter, url: string, counts: PushCounts, log: Logger) {
    this.#exporter = exporter
    this.#url = url
    this.#counts = counts
    this.#log = log
  }

  export(metrics: ResourceMetrics, callback: ExportCallback): void {
    this.#exporter.export(metrics, (result) => {
      if (result.code === 0) this.#succeeded()
      else this.#failed(result.error)
      callback({ code: 0 }) // the reader would log each failure once more
    })
  }

  selectAggregationTemporality(): AggregationTemporality {
    return AggregationTemporality.CUMULATIVE // Prometheus takes no other
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush()
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown()
  }

  #succeeded(): void {
    this.#counts.successes++
    if (this.#isFailing !== false) this.#log.info({ url: this.#url }, 'pushing metrics')
    this.#isFailing = false
  }

  #failed(error: Error | undefined): void {
    this.#counts.failures++
    if (this.#isFailing !== true) {
      this.#log.warn({ url: this.#url, reason: reasonOf(error) }, 'cannot push metrics; trying again at each interval')
    }
    this.#isFailing = true
  }
}

/** The exporter's words for an answer that it would try again after: it keeps the status to itself. */
const RETRYABLE = 'Export failed with retryable status'

function reasonOf({ message = '', code }: Error & { readonly code?: string | number } = new Error('unknown')): string {
  if (message === RETRYABLE) return 'the endpoint is busy or not there: it answered 429, 502, 503 or 504'
  return code === undefined || message.includes(`${code}`) ? message : `${message} ${code}`.trim()
}
