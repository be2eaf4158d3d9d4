import { hostname } from 'node:os'
import { DiagLogLevel, diag } from '@opentelemetry/api'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import type { Logger } from 'pino'
import { Instruments } from './instruments.ts'
import type { PushCounts, PushOptions } from './push.ts'
import { ScrapeReader } from './scrape-reader.ts'

/** Service name, scope of the instruments, and the scrape job that shipped configurations use: equal, so that scrape and push give the same series. */
const SERVICE = 'fibre-agent'

export interface TelemetryOptions {
  readonly version: string
  /** Port of the metrics page: with the host name it makes the instance. */
  readonly port: number
  readonly openLabelLimit: number
  readonly push?: Omit<PushOptions, 'metricProducers' | 'log'> | undefined
  readonly log: Logger
}

/** The instruments, and the ways in which their metrics leave the agent. */
export interface Telemetry {
  readonly instruments: Instruments
  readonly exports: Readonly<PushCounts>
  /** Returns the metrics page. */
  exposition(): Promise<string>
  /** Pushes at once, if anything is pushed, rather than at the end of the interval. */
  push(): void
  /** Pushes a last time, if anything is pushed, and ends within that time. */
  close(timeoutMs: number): Promise<void>
}

export async function openTelemetry({ version, port, openLabelLimit, push, log }: TelemetryOptions): Promise<Telemetry> {
  diag.setLogger(diagnosticsTo(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const host = hostname()
  const resource = resourceFromAttributes({
    'service.name': SERVICE,
    'service.instance.id': `${host}:${port}`,
    'service.version': version,
    'host.name': host,
  }).merge(detectResources({ detectors: [envDetector] }))
  const instruments = new Instruments({ scope: SERVICE, openLabelLimit })
  const metricProducers = [instruments]
  const scrape = new ScrapeReader({ metricProducers })
  const exports: PushCounts = { successes: 0, failures: 0, rejectedPoints: 0 }
  const pushing = push && (await import('./push.ts')).createPushReader({ ...push, metricProducers, log }, exports)
  const provider = new MeterProvider({ resource, readers: pushing ? [scrape, pushing] : [scrape] })
  return {
    instruments,
    exports,
    exposition: () => scrape.exposition(),
    push() {
      if (pushing) pushing.forceFlush().catch((error: unknown) => log.debug({ err: error }, 'metrics were not pushed at once'))
    },
    async close(timeoutMs) {
      try {
        await provider.shutdown({ timeoutMillis: timeoutMs })
      } catch (error) {
        log.debug({ err: error }, 'metrics were not pushed at the end')
      }
    },
  }
}

function diagnosticsTo(log: Logger) {
  const warn = (message: string, ...details: unknown[]) => log.warn({ details }, message)
  const drop = () => {}
  return { error: warn, warn, info: drop, debug: drop, verbose: drop }
}
