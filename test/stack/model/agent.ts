import { type AgentState, observedMetrics } from '../../../agent/metrics/agent-metrics.ts'
import { openTelemetry, type TelemetryOptions } from '../../../agent/metrics/otel/telemetry.ts'
import { Nodes } from '../../../agent/nodes/nodes.ts'
import { takeSnapshot } from '../../../agent/nodes/take-snapshot.ts'
import { toMetrics } from '../../../agent/outputs.ts'
import type { EventSource } from '../../../agent/sources/source.ts'
import type { KernelUsage } from '../../../agent/sources/usage.ts'
import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { probes } from '../../demo-node/demo-node.ts'
import { silentLog } from '../../harness/captured-log.ts'
import { tracepointOf } from '../../unit/blocks/events.ts'

/** Machines were booted so long before their agents' start. */
const UPTIME = 100_000
/** Constants of an agent: seconds, bytes and counts. */
export const agentFacts = {
  /** From the hit of a tracepoint to its event being recorded. */
  delay: 0.0002,
  clockError: 0.016,
  /** From its start to the end of its certificate. */
  certificateSeconds: 80 * 86_400,
  eventLoopLag: 0.0001,
  residentBytes: 64e6,
  openFds: 20,
  maxFds: 1024,
  scrapeSeconds: 0.004,
  /** Shares of the ring and of each map. */
  ringShare: 0.25,
  mapShare: 0.125,
} as const

export interface AgentOptions extends Pick<TelemetryOptions, 'push'> {
  readonly job: string
  readonly instance: string
  readonly nodes: readonly string[]
  /** Unix time, seconds. */
  readonly startedAt: number
  /** Peers that are told apart. */
  readonly peers: number
}

/** Samples as a Prometheus that is configured as ours stores them, each a line that lacks its time. */
export interface Scraped {
  readonly lines: string
  readonly count: number
}

export type Agent = Awaited<ReturnType<typeof openAgent>>

/** The agent's own measuring and instruments, whose events and clock are given by hand. */
export async function openAgent({ job, instance, nodes: names, startedAt, peers, push }: AgentOptions) {
  const bootedAt = startedAt - UPTIME
  let nowNs = UPTIME * 1e9
  let changed = true
  const telemetry = await openTelemetry({ version: '1.2.3', port: 9435, openLabelLimit: peers, log: silentLog, push })
  const block = () => {
    changed = true
  }
  const source = sourceOf(() => nowNs)
  const metrics = toMetrics({ ...telemetry, push() {} }, source) // only when its owner says so
  const nodes = new Nodes(source, [metrics, { block }], { log: silentLog })
  for (const [i, name] of names.entries()) nodes.processStarted(processOf(name, 1000 + i))
  const agent = { version: '1.2.3', startedAt: new Date(startedAt * 1e3), isUp: true, pushing: undefined }
  const parts = { processes: undefined, journal: undefined, webhook: undefined, capture: undefined, logFile: undefined }
  telemetry.instruments.observe(observedMetrics, async () => ({
    ...selfOf(startedAt, nowNs / 1e9 - UPTIME),
    nodeName: names.join(', '),
    totals: source.totals(),
    kernelUsage: source.kernelUsage?.(),
    snapshot: takeSnapshot({ ...agent, ...parts, nodes, source }),
  }))
  const advance = (at: number) => {
    nowNs = Math.round((at - bootedAt) * 1e9)
    nodes.tick()
  }
  let scraped: Scraped = { lines: '', count: 0 }
  return {
    bootedAt,
    telemetry,
    /** Takes an event in, as soon as it can be recorded. */
    hit(event: TracepointEvent) {
      nowNs = event.stampNs + agentFacts.delay * 1e9
      nodes.event(event, tracepointOf(event.probe), [])
      changed = true
    },
    /** Lets time pass until then (Unix, seconds). */
    advance,
    /** Samples that a scrape at that time stores of the kept series. While nothing happens they stay the same, unless they are also pushed. */
    async scraped(at: number, keep: (name: string) => boolean): Promise<Scraped> {
      advance(at)
      if (changed || push) scraped = asScraped(await telemetry.exposition(), `job="${job}",instance="${instance}"`, keep)
      changed = false
      return scraped
    },
    close: () => telemetry.close(1000),
  }
}

const processOf = (node: string, pid: number) => ({ node, pid, executable: '/usr/local/bin/bitcoind' })

/** Figures of the agent's own process, whose age is in seconds. */
const selfOf = (startedAt: number, age: number) =>
  ({
    executable: '/usr/local/bin/bitcoind',
    exports: { successes: Math.trunc(age / 10), failures: 0, rejectedPoints: 0 },
    clockErrorSeconds: agentFacts.clockError,
    certificateExpiry: startedAt + agentFacts.certificateSeconds,
    eventLoopLagSeconds: agentFacts.eventLoopLag,
    wrongPasswords: 0,
    logDropped: new Map([['stdout', 0]]),
    process: { ...agentFacts, cpuSeconds: 1.5 + age / 1000, virtualBytes: 1e9 },
  }) satisfies Partial<AgentState>

/** Without --count-runs. */
const kernelUsage: KernelUsage = {
  programs: [{ program: 'record_event', missed: 0, runs: undefined }],
  ring: { sizeBytes: 2 ** 23, unreadBytes: 0, mostUnreadBytes: agentFacts.ringShare * 2 ** 23 },
  maps: [{ map: 'specs', entries: agentFacts.mapShare * 8192, maxEntries: 8192 }],
}

/** A source that has every tracepoint of a process attached and brings nothing by itself. */
function sourceOf(now: () => number): EventSource {
  const attachment = {
    probes: probes.map((probe) => ({ probe, offered: true, attached: true })),
    silentProbes: () => [],
    close: async () => {},
  }
  const idle = { start() {}, drain() {}, totals: () => [], forget() {}, backlogSeconds: () => 0, close() {} }
  return { ...idle, now, attach: () => attachment, kernelUsage: () => kernelUsage }
}

function asScraped(page: string, labels: string, keep: (name: string) => boolean): Scraped {
  const lines = [`up{${labels}} 1`, `scrape_duration_seconds{${labels}} ${agentFacts.scrapeSeconds}`]
  for (const line of page.split('\n')) {
    const name = /^[a-z_:]+/.exec(line)?.[0]
    if (name === undefined || !keep(name)) continue
    const rest = line.slice(name.length)
    const labelled = rest.startsWith('{') ? `${name}{${labels},${rest.slice(1)}` : `${name}{${labels}}${rest}`
    lines.push(labelled.replace(/le="(\d+)\.0"/, 'le="$1"').replace(/le="(\d)e\+06"/, 'le="$1000000"'))
  }
  return { lines: `${lines.join('\n')}\n`, count: lines.length }
}
