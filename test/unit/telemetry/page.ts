import pino from 'pino'
import { Measuring, type MeasuringOptions } from '../../../agent/measuring.ts'
import { observe } from '../../../agent/metrics/observe.ts'
import { type SelfState, selfMetrics } from '../../../agent/metrics/self.ts'
import { openTelemetry, type TelemetryOptions } from '../../../agent/telemetry/telemetry.ts'
import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { Scrape } from '../../harness/scrape.ts'
import { tracepointOf } from '../blocks/events.ts'

export const silentLog = pino({ level: 'silent' })

/** What the agent knows of itself, but for what measuring knows. */
const self = {
  isUp: true,
  startedAt: 1_800_000_000,
  version: '1.2.3',
  nodeName: 'n',
  executable: '/usr/local/bin/bitcoind',
  exports: { successes: 0, failures: 0, rejectedPoints: 0 },
  clockErrorSeconds: 0.016,
  certificateExpiry: 1_900_000_000,
  eventLoopLagSeconds: 0.0001,
  wrongPasswords: 3,
  journal: { written: new Map([['n', 3]]), failed: 1 },
  webhook: { delivered: 2, failed: 1, pending: 4, givenUp: 1, refused: 2 },
  logDropped: new Map([
    ['stdout', 1],
    ['file', 0],
  ]),
  process: { cpuSeconds: 1.5, residentBytes: 64e6, virtualBytes: 1e9, openFds: 20, maxFds: 1024 },
} satisfies Partial<SelfState>

type Options = Partial<Omit<TelemetryOptions, 'version'>> & Pick<MeasuringOptions, 'onBlock'> & { readonly nodes?: readonly string[] }

/** The metrics page as the agent makes it, of nodes that are known, with events given by hand. */
export async function openPage({ nodes = ['n'], onBlock, ...options }: Options = {}) {
  const telemetry = await openTelemetry({ version: '1.2.3', port: 9435, openLabelLimit: 0, log: silentLog, ...options })
  const measuring = new Measuring({ instruments: telemetry.instruments, log: silentLog, verbose: false, onBlock })
  for (const node of nodes) measuring.declare(node)
  observe(telemetry.meter, selfMetrics, async () => ({ ...measuring.counts(), ...self }))
  return {
    telemetry,
    measuring,
    hit(...events: readonly TracepointEvent[]) {
      for (const event of events) measuring.event(event, tracepointOf(event.probe), [])
    },
    scrape: async () => new Scrape(await telemetry.exposition()),
  }
}
