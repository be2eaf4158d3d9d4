import type { Logger } from 'pino'
import type { OutcomeListener } from './blocks/blocks.ts'
import type { HttpServer } from './http/server.ts'
import type { Status } from './http/status.ts'
import { Measuring } from './measuring.ts'
import { observe } from './metrics/observe.ts'
import { type SelfState, selfMetrics } from './metrics/self.ts'
import { openLive } from './page/live.ts'
import { readiness } from './readiness.ts'
import { openRecords, type Records, thresholdsOf } from './records.ts'
import { openServers, reloadServers } from './servers.ts'
import type { Settings } from './settings/load.ts'
import { withoutCredentials } from './settings/summary.ts'
import { openEbpf } from './sources/ebpf/ebpf.ts'
import { clockErrorSeconds } from './sources/ebpf/libbpf.ts'
import { openRecorder, type Recorder } from './sources/replay/recorder.ts'
import { openReplay, ReplaySource } from './sources/replay/replay.ts'
import type { EventHandler, EventSource } from './sources/source.ts'
import { eventLoopLagSeconds, readProcessState } from './telemetry/process.ts'
import { Readings } from './telemetry/readings.ts'
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts'
import { tracepoints } from './tracepoints/index.ts'
import { type Watching, watch } from './watching.ts'

const HOUSEKEEPING_MS = 1000
/** What the last push may take: all in all the agent ends within a second. */
const LAST_PUSH_MS = 500

/** A recording that takes the place of bitcoind. */
export interface Replay {
  readonly file: string
  /** How many times as fast as it was recorded. */
  readonly speed: number
}

export interface AgentOptions {
  readonly settings: Settings
  readonly version: string
  readonly log: Logger
  /** Lines of the log that were dropped, by output. */
  readonly logDropped?: () => ReadonlyMap<string, number>
  /** Where events come from: the compiled kernel program, or a recording. */
  readonly source: Buffer | Replay
  /** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, for pushes. */
  readonly proxy?: Readonly<Record<string, string>> | undefined
  /** Told what becomes known of each block. */
  readonly onBlock?: OutcomeListener | undefined
}

export interface Agent {
  /** Where the metrics and the health page are. */
  readonly urls: { readonly metrics: string; readonly health: string }
  /** Resolves when all of a recording was replayed. */
  readonly replayed?: Promise<void>
  /** Reads certificate and password anew and opens files anew. */
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
    const { port, peerLabel: openLabelLimit } = settings
    const telemetry = await openTelemetry({ version, port, openLabelLimit, push: pushOptions(options), log })
    const records = await openRecords(settings, version, log)
    started.push(() => records.close())
    const measuring = new Measuring({
      instruments: telemetry.instruments,
      log,
      verbose: settings.verbose,
      pendingTimeoutMs: settings.pendingTimeoutMs,
      knownBlocks: (node) => records.knownBlocks(node),
      onBlock(outcome, block) {
        records.take(outcome, block)
        options.onBlock?.(outcome, block)
      },
    })
    const recorder = settings.record === undefined ? undefined : openRecorder({ file: settings.record, log })
    if (recorder) started.push(() => recorder.close())
    const source = await openSource(options, recorder ? recordingTo(recorder, measuring) : measuring)
    measuring.use(source)
    started.push(() => source.close())

    let watching: Watching | undefined
    const status = () => readStatus(options, startedAt, measuring, records, source, watching)
    const live = openLive({ status, thresholds: thresholdsOf(settings), log })
    records.show(live)
    const exposition = () => {
      source.drain()
      return telemetry.exposition()
    }
    const servers = await openServers({ settings, version, log, exposition, live, status })
    started.push(async () => void (await Promise.all(servers.map((server) => server.close()))))
    started.push(() => live.close())
    const readings = new Readings(log)
    observe(telemetry.meter, selfMetrics, async () => {
      const self = await readSelf(options, startedAt, telemetry, records, servers, readings)
      return { ...self, ...measuring.counts(), isUp: state.isUp } // counted last: a node that was forgotten meanwhile is not observed
    })
    started.push(() => telemetry.close(LAST_PUSH_MS))

    started.push(() => measuring.close())
    const appeared = () => {
      telemetry.push() // zeros: what happens before the first sample of a series counts for no increase()
      live.changed()
    }
    let replayed: Promise<void> | undefined
    if (source instanceof ReplaySource) {
      replayed = replay(source, measuring)
      appeared()
    } else {
      const forgotten = (node: string) => {
        records.forget(node)
        telemetry.forget(node)
        live.changed()
      }
      const opened = await watch({ settings, measuring, log, appeared, gone: () => live.changed(), forgotten })
      watching = opened
      started.push(() => opened.close())
    }
    const housekeeping = setInterval(() => {
      measuring.keepHouse()
      live.changed()
    }, HOUSEKEEPING_MS)
    started.push(() => clearInterval(housekeeping))

    const [metrics, health] = servers
    const reload = () => {
      reloadServers(servers, settings, log)
      records.reopen()
      recorder?.reopen()
    }
    return { urls: { metrics: metrics.url, health: health.url }, ...(replayed && { replayed }), reload, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function openSource({ source, settings, log }: AgentOptions, handler: EventHandler): Promise<EventSource> {
  if ('file' in source) return openReplay({ ...source, handler, log })
  return openEbpf({ image: source, ringSize: settings.ringSize, tracepoints, handler, log })
}

/** Has a recording measured, as if its nodes ran. */
async function replay(source: ReplaySource, measuring: Measuring): Promise<void> {
  for (const node of source.nodes) measuring.appeared({ node, pid: 0, executable: source.file })
  await source.run(() => measuring.keepHouse())
}

function recordingTo(recorder: Recorder, handler: EventHandler): EventHandler {
  return {
    event(event, tracepoint, failed) {
      recorder.record(event)
      handler.event(event, tracepoint, failed)
    },
    error: (error) => handler.error(error),
  }
}

function pushOptions({ settings, proxy }: AgentOptions) {
  const { otlpEndpoint: url, otlpProtocol: protocol, otlpIntervalMs: intervalMs, otlpTimeoutMs: timeoutMs } = settings
  return url === undefined ? undefined : { url, protocol, proxy, shownAs: withoutCredentials(url), intervalMs, timeoutMs }
}

function readStatus(
  options: AgentOptions,
  startedAt: Date,
  measuring: Measuring,
  records: Records,
  source: EventSource,
  watching: Watching | undefined,
): Status {
  measuring.takeLosses()
  return {
    version: options.version,
    startedAt,
    health: readiness(measuring.nodes, source.backlogSeconds(), watching?.findings() ?? []),
    warnings: [...(watching?.warnings() ?? []), ...records.warnings],
    targets: measuring.nodes
      .map((node) => node.status())
      .filter((status) => status !== undefined)
      .map((status) => ({ ...status, replay: source.replay })),
    pushing: pushOptions(options)?.shownAs,
  }
}

async function readSelf(
  { settings, version, logDropped }: AgentOptions,
  startedAt: Date,
  telemetry: Telemetry,
  records: Records,
  [metrics]: readonly HttpServer[],
  readings: Readings,
) {
  const notAfter = metrics?.certificateNotAfter
  return {
    version,
    startedAt: startedAt.getTime() / 1e3,
    nodeName: settings.nodeName,
    executable: settings.bitcoind ?? '',
    exports: telemetry.exports,
    clockErrorSeconds: readings.take('fibre_exporter_clock_error_seconds', clockErrorSeconds),
    certificateExpiry: notAfter && notAfter.getTime() / 1e3,
    eventLoopLagSeconds: await eventLoopLagSeconds(),
    wrongPasswords: metrics?.wrongPasswords ?? 0,
    process: readProcessState(readings),
    journal: records.journalState,
    webhook: records.webhookState,
    logDropped: logDropped?.() ?? new Map(),
  } satisfies Partial<SelfState>
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  return () => {
    running ??= run()
    return running
  }
}
