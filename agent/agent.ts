import type { Logger } from 'pino'
import { agentStateReader } from './agent-state.ts'
import { collectAfterBursts } from './memory.ts'
import { observedMetrics } from './metrics/agent-metrics.ts'
import { openTelemetry } from './metrics/otel/telemetry.ts'
import { Nodes } from './nodes/nodes.ts'
import type { Output } from './nodes/output.ts'
import { type FileFaults, takeSnapshot } from './nodes/take-snapshot.ts'
import { outputsOf } from './outputs.ts'
import { openLive } from './page/live.ts'
import { Privileges } from './privileges.ts'
import { openProcesses, type Processes } from './processes.ts'
import { type ReadSettings, SettingsReload } from './reload.ts'
import { openServers, type Servers } from './servers.ts'
import { ServiceManager } from './service-manager.ts'
import { blocklessTracepoints } from './settings/check.ts'
import type { Settings } from './settings/load.ts'
import { pushOptionsOf } from './settings/push.ts'
import { openSource, type Replay } from './sources/open.ts'
import { ReplaySource } from './sources/replay/replay.ts'
import { openStores, thresholdsOf } from './stores.ts'
import { tracepointsOf } from './tracepoints/index.ts'

const TICK_MS = 1000
/** Time limit of the last push: the whole agent ends within a second. */
const LAST_PUSH_MS = 500

export interface AgentOptions {
  readonly settings: Settings
  readonly readSettings: ReadSettings
  readonly version: string
  readonly log: Logger
  /** Lines of the log that were dropped, by output. */
  readonly logDropped?: () => ReadonlyMap<string, number>
  readonly logFile?: FileFaults | undefined
  /** Source of events: the compiled kernel program, the log of bitcoind, or a recording. */
  readonly source: Buffer | 'log' | Replay
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, for pushes. */
  readonly proxy?: Readonly<Record<string, string>> | undefined
  /** Whether the service manager that started this process wants to hear of it. */
  readonly isService?: boolean
  /** Told after the agent's own. */
  readonly outputs?: readonly Output[] | undefined
}

export interface Agent {
  /** Addresses of the metrics and of the health server. */
  readonly urls: { readonly metrics: string; readonly health: string }
  /** Resolves when all of a recording was replayed. */
  readonly replayed?: Promise<void>
  /** Reads settings, certificate and passwords anew and opens files anew. */
  reload(): void
  /** Detaches, pushes once more, closes. */
  stop(): Promise<void>
}

/** Starts everything in order. What was started is stopped again if something later fails. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { settings, version, log } = options
  const startedAt = new Date()
  const opened: (() => unknown)[] = []
  let isUp = true
  let stopping: Promise<void> | undefined
  const closeAll = async () => {
    isUp = false
    for (const close of opened.reverse()) await close()
  }
  const stop = () => {
    stopping ??= closeAll().then(() => log.info('stopped'))
    return stopping
  }

  log.info({ version, pid: process.pid }, 'starting')
  try {
    const push = pushOptionsOf(settings, options.proxy)
    const telemetry = await openTelemetry({ version, port: settings.port, openLabelLimit: settings.peerLabel, push, log })
    const stores = await openStores(settings, version, log)
    opened.push(() => stores.close())
    const { ringSize, countRuns } = settings
    const tracepoints = tracepointsOf(settings.tracepoints)
    const source = await openSource(options.source, { tracepoints, ringSize, countRuns, log })
    opened.push(() => source.close())

    let processes: Processes | undefined
    let servers: Servers | undefined
    const { journal } = stores
    const settingsReload = new SettingsReload(options.readSettings, log)
    const blockless = blocklessTracepoints(settings)
    const snapshot = () => {
      const agent = { version, startedAt, isUp, pushing: push?.shownAs, logFile: options.logFile, settingsFault: settingsReload.fault }
      return takeSnapshot({ ...agent, ...stores, nodes, source, processes, privileges, blockless, termsFaults: servers?.faults })
    }
    const live = openLive({ snapshot, thresholds: thresholdsOf(settings), log })
    const recent = journal?.recent() ?? []
    live.seed(recent)
    const outputs = outputsOf({ telemetry, source, stores, live, eventLog: settings.verbose ? log : undefined })
    const nodes = new Nodes(source, [...outputs, ...(options.outputs ?? [])], {
      log,
      tracepoints,
      pendingTimeoutMs: settings.pendingTimeoutMs,
      knownBlocks: (node) => recent.filter((record) => record.node === node).map((record) => record.block_hash),
    })
    const isDropping = settings.dropCapabilities && !(source instanceof ReplaySource)
    const privileges = isDropping ? new Privileges({ nodes: () => nodes.snapshot(), source, log }) : undefined
    source.start(nodes)

    servers = await openServers({ settings, version, log, source, telemetry, live, snapshot })
    opened.push(servers.close)
    opened.push(() => live.close())
    const readSelf = agentStateReader({ ...options, source, snapshot, exports: telemetry.exports, servers })
    telemetry.instruments.observe(observedMetrics, readSelf)
    opened.push(() => telemetry.close(LAST_PUSH_MS))

    opened.push(() => nodes.close())
    const replayed = source instanceof ReplaySource ? source.play(nodes) : undefined
    if (replayed === undefined) {
      processes = await openProcesses(settings, nodes, log)
      opened.push(() => processes?.close())
      if (!processes.isAnyUp) telemetry.push() // the series of what is to come start now, at 0
    }
    const serviceManager = options.isService
      ? new ServiceManager({ snapshot, backlogSeconds: () => source.backlogSeconds(), log })
      : undefined
    serviceManager?.tick()
    opened.push(() => serviceManager?.stopping())
    const ticking = setInterval(() => {
      nodes.tick()
      privileges?.tick()
      live.changed()
      serviceManager?.tick()
    }, TICK_MS)
    opened.push(() => clearInterval(ticking))
    opened.push(collectAfterBursts())

    const { reload: reloadServers } = servers
    const reload = () => {
      reloadServers(settingsReload.reload())
      stores.reload()
    }
    return { urls: servers.urls, ...(replayed && { replayed }), reload, stop }
  } catch (error) {
    await closeAll()
    throw error
  }
}
