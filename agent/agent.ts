import type { Logger } from 'pino'
import { type ProcessWatcher, watchProcesses } from './bitcoind/watch.ts'
import type { OutcomeListener } from './blocks/blocks.ts'
import { healthRoute, readyRoute } from './http/health.ts'
import { metricsRoute } from './http/metrics.ts'
import { statusPage } from './http/page.ts'
import { type HttpServer, listen } from './http/server.ts'
import type { Status } from './http/status.ts'
import { Measuring } from './measuring.ts'
import { observe } from './metrics/observe.ts'
import { type SelfState, selfMetrics } from './metrics/self.ts'
import { readiness } from './readiness.ts'
import type { Settings } from './settings/load.ts'
import { withoutCredentials } from './settings/summary.ts'
import { type EbpfSource, openEbpf } from './sources/ebpf/ebpf.ts'
import { faultOfExecutable } from './sources/ebpf/executable.ts'
import { clockErrorSeconds, watchExit } from './sources/ebpf/libbpf.ts'
import { eventLoopLagSeconds, readProcessState } from './telemetry/process.ts'
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts'
import { tracepoints } from './tracepoints/index.ts'

const HOUSEKEEPING_MS = 1000
/** What the last push may take: all in all the agent ends within a second. */
const LAST_PUSH_MS = 500

export interface AgentOptions {
  readonly settings: Settings
  readonly version: string
  /** The compiled kernel program. */
  readonly image: Buffer
  readonly log: Logger
  /** Told what becomes known of each block. */
  readonly onBlock?: OutcomeListener | undefined
}

export interface Agent {
  /** Where the metrics and the health page are. */
  readonly urls: { readonly metrics: string; readonly health: string }
  /** Reads the TLS certificate anew. */
  reload(): void
  /** Detaches, pushes once more, closes. */
  stop(): Promise<void>
}

/** Starts everything in order. What was started is stopped again if something later fails. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { settings, version, log } = options
  const startedAt = new Date()
  const state = { isUp: true }
  const started: (() => void | Promise<void>)[] = []
  const stop = once(async () => {
    state.isUp = false
    for (const undo of started.reverse()) await undo()
    log.info('stopped')
  })

  log.info({ version, pid: process.pid }, 'starting')
  try {
    const telemetry = await openTelemetry({
      version,
      port: settings.port,
      openLabelLimit: settings.peerLabel,
      push: pushOptions(settings),
      log,
    })
    const measuring = new Measuring({ instruments: telemetry.instruments, log, verbose: settings.verbose, onBlock: options.onBlock })
    const source = openEbpf({ image: options.image, ringSize: settings.ringSize, tracepoints, handler: measuring, log })
    measuring.use(source)
    started.push(() => source.close())

    const status = () => readStatus(options, startedAt, measuring, source)
    const servers = await openServers(options, telemetry, source, status)
    started.push(async () => void (await Promise.all(servers.map((server) => server.close()))))
    observe(telemetry.meter, selfMetrics, async () => ({
      ...measuring.counts(),
      ...(await readSelf(options, startedAt, telemetry, servers)),
      isUp: state.isUp,
    }))
    started.push(() => telemetry.close(LAST_PUSH_MS))

    started.push(() => measuring.close())
    const watcher = await watch(settings, telemetry, measuring, log)
    started.push(() => watcher.close())
    const housekeeping = setInterval(() => measuring.keepHouse(), HOUSEKEEPING_MS)
    started.push(() => clearInterval(housekeeping))

    const [metrics, health] = servers
    const reload = () => {
      for (const server of servers) server.reloadTls()
    }
    return { urls: { metrics: metrics.url, health: health.url }, reload, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function pushOptions({ otlpEndpoint: url, otlpIntervalMs: intervalMs, otlpTimeoutMs: timeoutMs }: Settings) {
  return url === undefined ? undefined : { url, shownAs: withoutCredentials(url), intervalMs, timeoutMs }
}

async function openServers(
  { settings, version, log }: AgentOptions,
  telemetry: Telemetry,
  source: EbpfSource,
  status: () => Status,
): Promise<readonly [HttpServer, HttpServer]> {
  const { listenAddress, port, healthPort, metricsAuthUsername: username, metricsAuthPassword: password, tlsCert, tlsKey } = settings
  const tls = tlsCert !== undefined && tlsKey !== undefined ? { certFile: tlsCert, keyFile: tlsKey } : undefined
  const credentials = username !== undefined && password !== undefined ? { username, password } : undefined
  const exposition = () => {
    source.drain()
    return telemetry.exposition()
  }
  const common = { address: listenAddress, tls, log }
  const metrics = await listen({
    ...common,
    name: 'metrics',
    port,
    credentials,
    routes: { '/metrics': metricsRoute(exposition), '/': statusPage(status) },
  })
  try {
    const routes = { '/health': healthRoute(version), '/ready': readyRoute(() => status().health, version) }
    const health = await listen({ ...common, name: 'health', port: healthPort, routes })
    if (!credentials && !isLoopback(listenAddress))
      log.warn({ address: listenAddress }, 'metrics are open to other machines without a password: see --metrics-auth-username')
    return [metrics, health]
  } catch (error) {
    await metrics.close()
    throw error
  }
}

async function watch(settings: Settings, telemetry: Telemetry, measuring: Measuring, log: Logger): Promise<ProcessWatcher> {
  const { bitcoind, pid, nodes, nodeName, waitForTarget } = settings
  warnOfExecutables(settings, log)
  const selection = { bitcoind, pid: pid || undefined, nodes, nodeName }
  const watcher = await watchProcesses(
    selection,
    { log, watchExit },
    {
      appeared(target) {
        measuring.appeared(target)
        telemetry.push() // zeros: what happens before the first sample of a series counts for no increase()
      },
      gone: (target) => measuring.gone(target),
      refused: ({ pid, executable }, reason) => log.warn({ pid, executable }, reason),
      unreadable: (pid, reason) => log.warn({ pid }, reason),
    },
  )
  const isMeasuring = measuring.nodes.some(({ probes }) => probes.some(({ attached }) => attached))
  if (!waitForTarget && !isMeasuring) {
    watcher.close()
    throw new Error(measuring.nodes.length === 0 ? 'no bitcoind is running' : 'no tracepoint could be attached')
  }
  if (measuring.nodes.length === 0) {
    log.info({ bitcoind, pid: selection.pid }, 'no bitcoind is running; waiting for one')
    // The series of what is to come start now, at 0.
    for (const name of nodes.length > 0 ? nodes.map(({ name }) => name) : [nodeName]) measuring.declare(name)
    telemetry.push()
  }
  return watcher
}

/** One that can never be measured would be waited for in silence. */
function warnOfExecutables({ bitcoind, nodes }: Settings, log: Logger): void {
  for (const path of [bitcoind, ...nodes.map(({ path }) => path)]) {
    const fault = path === undefined ? undefined : faultOfExecutable(path, tracepoints)
    if (fault !== undefined) log.warn({ path }, fault)
  }
}

function readStatus({ settings, version }: AgentOptions, startedAt: Date, measuring: Measuring, source: EbpfSource): Status {
  measuring.takeLosses()
  const named = settings.nodes.map(({ name }) => name)
  return {
    version,
    startedAt,
    health: readiness(measuring.nodes, source.backlogSeconds(), named),
    targets: measuring.nodes.map((node) => node.status()).filter((status) => status !== undefined),
    pushing: pushOptions(settings)?.shownAs,
  }
}

async function readSelf({ settings, version }: AgentOptions, startedAt: Date, telemetry: Telemetry, [metrics]: readonly HttpServer[]) {
  const notAfter = metrics?.certificateNotAfter
  return {
    version,
    startedAt: startedAt.getTime() / 1e3,
    nodeName: settings.nodeName,
    executable: settings.bitcoind ?? '',
    exports: telemetry.exports,
    clockErrorSeconds: clockErrorSeconds(),
    certificateExpiry: notAfter && notAfter.getTime() / 1e3,
    eventLoopLagSeconds: await eventLoopLagSeconds(),
    process: readProcessState(),
  } satisfies Partial<SelfState>
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}

const isLoopback = (address: string) => address === 'localhost' || address === '::1' || address.startsWith('127.')
