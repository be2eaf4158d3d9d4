import {
  AggregationTemporality,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import type { Logger } from 'pino'
import { ChangeDetector } from '../../files/change-detector.ts'
import { type Answer, createOtlpExporter, firstLine, type OtlpOptions } from './otlp.ts'

export interface PushOptions extends Pick<OtlpOptions, 'url' | 'protocol' | 'proxy'> {
  /** The URL as logs may show it. */
  readonly shownAs: string
  readonly intervalMs: number
  /** Time that a push may take, tries included: less than the interval. */
  readonly timeoutMs: number
  readonly metricProducers: MetricProducer[]
  readonly log: Logger
}

/** Counts of pushes, by what became of them. */
export interface PushCounts {
  successes: number
  failures: number
  /** Points that the receiver rejected in pushes that it took. */
  rejectedPoints: number
}

/** Pushes all metrics at an interval, by OTLP over HTTP. */
export function createPushReader(
  { url, protocol, proxy, shownAs, intervalMs, timeoutMs, metricProducers, log }: PushOptions,
  counts: PushCounts,
): PeriodicExportingMetricReader {
  return new PeriodicExportingMetricReader({
    exporter: new WatchedExporter({ url, protocol, proxy, timeoutMillis: timeoutMs }, shownAs, counts, log),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: intervalMs,
    metricProducers,
  })
}

type ExportCallback = Parameters<PushMetricExporter['export']>[1]

/** Counts what becomes of each push, and logs when that changes. */
class WatchedExporter implements PushMetricExporter {
  readonly #exporter: PushMetricExporter
  readonly #cutOff: () => void
  readonly #timeoutMs: number
  readonly #url: string
  readonly #counts: PushCounts
  readonly #log: Logger
  #readAnswer: (() => Answer) | undefined
  readonly #state = new ChangeDetector<'well' | 'partly' | 'failing' | undefined>(undefined)

  constructor(options: OtlpOptions, shownAs: string, counts: PushCounts, log: Logger) {
    const { exporter, cutOff } = createOtlpExporter(options, (read) => {
      this.#readAnswer = read
    })
    this.#exporter = exporter
    this.#cutOff = cutOff
    this.#timeoutMs = options.timeoutMillis
    this.#url = shownAs
    this.#counts = counts
    this.#log = log
  }

  export(metrics: ResourceMetrics, callback: ExportCallback): void {
    let isOver = false
    const end = (result: Parameters<ExportCallback>[0]) => {
      if (isOver) return
      isOver = true
      clearTimeout(deadline)
      try {
        if (result.code !== 0) throw result.error
        this.#succeeded(this.#takeAnswer())
      } catch (error) {
        this.#failed(error as Error | undefined)
      }
      callback({ code: 0 }) // the reader would log each failure once more
    }
    // The SDK gives the last try as much time again, so that the reader would give up first and the try deliver old values late.
    const deadline = setTimeout(() => {
      end({ code: 1, error: new Error(`no answer within ${this.#timeoutMs / 1000} s`) })
      this.#cutOff()
    }, this.#timeoutMs)
    this.#exporter.export(metrics, end)
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

  #takeAnswer(): Answer | undefined {
    const read = this.#readAnswer
    this.#readAnswer = undefined
    return read?.()
  }

  #succeeded({ rejectedPoints: rejected, message: reason }: Answer = { rejectedPoints: 0, message: '' }): void {
    this.#counts.successes++
    this.#counts.rejectedPoints += rejected
    const isPart = rejected > 0 || reason !== ''
    if (this.#state.changesTo(isPart ? 'partly' : 'well')) {
      const about = { url: this.#url }
      if (isPart) this.#log.warn({ ...about, rejected, reason }, 'the endpoint does not take all metrics')
      else this.#log.info(about, 'pushing metrics')
    }
  }

  #failed(error: Error | undefined): void {
    this.#counts.failures++
    if (this.#state.changesTo('failing'))
      this.#log.warn({ url: this.#url, reason: reasonOf(error) }, 'cannot push metrics; trying again at each interval')
  }
}

/** The exporter's words for an answer that it would try again after: it keeps the status to itself. */
const RETRYABLE = 'Export failed with retryable status'

type ExportError = Error & { readonly code?: string | number; readonly data?: string }

function reasonOf({ message = '', code, data }: ExportError = new Error('unknown')): string {
  if (message === RETRYABLE) return 'the endpoint is busy or not there: it answered 429, 502, 503 or 504'
  const status = code === undefined || message.includes(`${code}`) ? message : `${message} ${code}`.trim()
  const words = wordsOf(data ?? '')
  return words === '' ? status : `${status}: ${words}`
}

/** A receiver's own words: the message of an OTLP status in JSON, else the first line of whatever it is. */
function wordsOf(body: string): string {
  try {
    const { message } = JSON.parse(body)
    return firstLine(typeof message === 'string' ? message : body === '{}' ? '' : body)
  } catch {
    return firstLine(body)
  }
}
