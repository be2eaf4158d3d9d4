import { type AgentState, observedMetrics } from '../../../agent/metrics/agent-metrics.ts'
import { openTelemetry, type TelemetryOptions } from '../../../agent/metrics/otel/telemetry.ts'
import { Nodes } from '../../../agent/nodes/nodes.ts'
import type { Output } from '../../../agent/nodes/output.ts'
import { takeSnapshot } from '../../../agent/nodes/take-snapshot.ts'
import { toMetrics } from '../../../agent/outputs.ts'
import type { EventSource } from '../../../agent/sources/source.ts'
import type { KernelUsage } from '../../../agent/sources/usage.ts'
import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { silentLog } from '../../harness/captured-log.ts'
import { Scrape } from '../../harness/scrape.ts'
import { tracepointOf } from '../blocks/events.ts'

/** Figures of the agent's own process. */
const self = {
  nodeName: 'n',
  executable: '/usr/local/bin/bitcoind',
  exports: { successes: 0, failures: 0, rejectedPoints: 0 },
  clockErrorSeconds: 0.016,
  certificateExpiry: 1_900_000_000,
  eventLoopLagSeconds: 0.0001,
  wrongPasswords: 3,
  logDropped: new Map([
    ['stdout', 1],
    ['file', 0],
  ]),
  process: { cpuSeconds: 1.5, residentBytes: 64e6, virtualBytes: 1e9, openFds: 20, maxFds: 1024 },
} satisfies Partial<AgentState>

const stores = {
  journal: { state: { written: new Map([['n', 3]]), failed: 1 }, fault: undefined },
  webhook: { state: { isFailing: false, delivered: 2, failed: 1, pending: 4, givenUp: 1, refused: 2 }, headersFault: undefined },
  capture: undefined,
  logFile: undefined,
}

/** Of a source that brings nothing. */
const kernelUsage: KernelUsage = {
  programs: [
    { program: 'record_event', missed: 1, runs: { count: 13, seconds: 0.00002 } },
    { program: 'count_event', missed: 0, runs: { count: 0, seconds: 0 } },
  ],
  ring: { sizeBytes: 2 ** 23, unreadBytes: 0, mostUnreadBytes: 8840 },
  maps: [{ map: 'specs', entries: 5, maxEntries: 8192 }],
}

/** Brings nothing by itself, and attaches to nothing. */
export const idleSource: EventSource = {
  start() {},
  now: () => Number(process.hrtime.bigint()),
  attach: () => ({ probes: [], silentProbes: () => [], close: async () => {} }),
  drain() {},
  totals: () => [],
  forget() {},
  backlogSeconds: () => 0,
  kernelUsage: () => kernelUsage,
  close() {},
}

type Options = Partial<Omit<TelemetryOptions, 'version'>> & {
  readonly nodes?: readonly string[]
  readonly onBlock?: Output['block']
  readonly source?: EventSource
}

/** The metrics page as the agent makes it, of nodes that are known, with events given by hand. */
export async function openPage({ nodes: names = ['n'], onBlock, source = idleSource, ...options }: Options = {}) {
  const telemetry = await openTelemetry({ version: '1.2.3', port: 9435, openLabelLimit: 0, log: silentLog, ...options })
  const nodes = new Nodes(source, [toMetrics(telemetry, source), { ...(onBlock && { block: onBlock }) }], { log: silentLog })
  for (const name of names) nodes.add(name)
  const agent = { version: '1.2.3', startedAt: new Date(1_800_000_000_000), isUp: true, pushing: undefined }
  const snapshot = () => takeSnapshot({ ...agent, ...stores, nodes, source, processes: undefined })
  telemetry.instruments.observe(observedMetrics, async () => ({
    ...self,
    totals: source.totals(),
    kernelUsage: source.kernelUsage?.(),
    snapshot: snapshot(),
  }))
  return {
    telemetry,
    nodes,
    hit(...events: readonly TracepointEvent[]) {
      for (const event of events) nodes.event(event, tracepointOf(event.probe), [])
    },
    scrape: async () => new Scrape(await telemetry.exposition()),
  }
}
