import type { Logger } from 'pino'
import type { AgentState } from './metrics/agent-metrics.ts'
import type { Telemetry } from './metrics/otel/telemetry.ts'
import { eventLoopLagSeconds, readProcessState } from './metrics/process.ts'
import { SystemReader } from './metrics/system-reader.ts'
import { readClock } from './native/libc.ts'
import type { Snapshot } from './nodes/snapshot.ts'
import type { Servers } from './servers.ts'
import type { Settings } from './settings/load.ts'
import type { EventSource } from './sources/source.ts'

export interface AgentStateOptions {
  readonly settings: Settings
  readonly log: Logger
  readonly snapshot: () => Snapshot
  readonly source: Pick<EventSource, 'totals' | 'kernelUsage'>
  readonly exports: Telemetry['exports']
  readonly servers: Servers
  readonly logDropped?: () => ReadonlyMap<string, number>
}

/** Returns a function that reads what the agent's own metrics tell: the snapshot, and figures of this process and machine. */
export function agentStateReader({
  settings,
  log,
  snapshot,
  source,
  exports,
  servers,
  logDropped,
}: AgentStateOptions): () => Promise<AgentState> {
  const reader = new SystemReader(log)
  return async () => {
    const { certificateNotAfter, wrongPasswords } = servers
    return {
      nodeName: settings.nodeName,
      executable: settings.bitcoind ?? '',
      exports,
      clockErrorSeconds: reader.tryRead('fibre_exporter_clock_error_seconds', () => readClock().errorSeconds),
      certificateExpiry: certificateNotAfter && certificateNotAfter.getTime() / 1e3,
      eventLoopLagSeconds: await eventLoopLagSeconds(),
      wrongPasswords,
      process: readProcessState(reader),
      logDropped: logDropped?.() ?? new Map(),
      totals: source.totals(),
      kernelUsage: reader.tryRead('fibre_exporter_probe_missed_total', () => source.kernelUsage?.()),
      snapshot: snapshot(), // last: a node that was forgotten meanwhile is not observed
    }
  }
}
