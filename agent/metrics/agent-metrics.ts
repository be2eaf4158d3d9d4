import type { Snapshot } from '../nodes/snapshot.ts'
import type { Total } from '../sources/totals.ts'
import type { KernelUsage } from '../sources/usage.ts'
import { recordedTracepoints } from '../tracepoints/index.ts'
import { countedMetrics } from './counted-metrics.ts'
import { metricBuilders, type ObservedMetrics, observed, sample } from './definition.ts'
import { kernelMetrics } from './kernel-metrics.ts'
import { nodeMetrics } from './node-metrics.ts'
import type { ProcessState } from './process.ts'

/** State of the agent when metrics are collected. */
export interface AgentState {
  readonly snapshot: Snapshot
  /** Hits that the source has counted, of all nodes. */
  readonly totals: readonly Total[]
  /** `undefined` in a replay. */
  readonly kernelUsage: KernelUsage | undefined
  readonly nodeName: string
  readonly executable: string
  readonly exports: { readonly successes: number; readonly failures: number; readonly rejectedPoints: number }
  readonly clockErrorSeconds: number | undefined
  /** Unix time, seconds. */
  readonly certificateExpiry: number | undefined
  readonly eventLoopLagSeconds: number
  /** Requests to the metrics page with a wrong user name or password. */
  readonly wrongPasswords: number
  readonly process: ProcessState
  /** Lines of the log that were dropped, by output. */
  readonly logDropped: ReadonlyMap<string, number>
}

const { counter, gauge } = metricBuilders<AgentState>()

export const agentMetrics = [
  gauge('fibre_exporter_up', {
    help: 'Whether the FIBRE exporter is running (1 = up, 0 = down)',
    measure: ({ snapshot: { isUp } }) => Number(isUp),
  }),
  gauge('fibre_exporter_start_time_seconds', {
    help: 'Unix timestamp when the exporter started',
    measure: ({ snapshot: { startedAt } }) => startedAt.getTime() / 1e3,
  }),
  gauge('fibre_exporter_info', {
    help: 'Information about the FIBRE exporter',
    labels: { version: 'any', node_name: 'any', bitcoind_path: 'any' },
    measure: ({ snapshot: { version }, nodeName, executable }) => sample(1, { version, node_name: nodeName, bitcoind_path: executable }),
  }),
  counter('fibre_exporter_events_processed_total', {
    help: 'Total number of events processed by the exporter',
    labels: { event_type: [...recordedTracepoints.map(({ eventType }) => eventType), 'unknown'] },
    measure: ({ snapshot: { eventsProcessed } }) =>
      [...eventsProcessed].map(([eventType, count]) => sample(count, { event_type: eventType })),
  }),
  counter('fibre_exporter_errors_total', {
    help: 'Total number of errors encountered by the exporter',
    labels: { error_type: ['event_processing'] },
    measure: ({ snapshot: { eventErrors } }) => sample(eventErrors, { error_type: 'event_processing' }),
  }),
  gauge('fibre_exporter_probes_attached', {
    help: 'Number of USDT probes successfully attached',
    measure: ({ snapshot: { nodes } }) => nodes.flatMap(({ probes }) => probes).filter(({ attached }) => attached).length,
  }),
  gauge('fibre_exporter_targets', {
    help: 'Number of bitcoind processes being measured',
    measure: ({ snapshot: { nodes } }) => nodes.filter(({ isUp }) => isUp).length,
  }),
] as const

/** Metrics of what leaves the agent: pushes, journal, webhook, log. */
export const outputMetrics = [
  counter('fibre_exporter_export_success_total', {
    help: 'Total pushes that the OTLP endpoint took',
    measure: ({ exports }) => exports.successes,
  }),
  counter('fibre_exporter_export_failures_total', {
    help: 'Total pushes that failed',
    measure: ({ exports }) => exports.failures,
  }),
  counter('fibre_exporter_export_rejected_points_total', {
    help: 'Total data points that the OTLP endpoint rejected in pushes that it took',
    measure: ({ exports }) => exports.rejectedPoints,
  }),
  counter('fibre_exporter_journal_records_total', {
    help: 'Total records of blocks written to the journal',
    labels: { node: 'any' },
    measure: ({ snapshot: { nodes, journal } }) => nodes.map(({ node }) => sample(journal.written.get(node) ?? 0, { node })),
  }),
  counter('fibre_exporter_journal_failures_total', {
    help: 'Total records that could not be written to the journal when they came; they wait',
    measure: ({ snapshot: { journal } }) => journal.failed,
  }),
  counter('fibre_exporter_webhook_deliveries_total', {
    help: 'Total slow blocks that the webhook took',
    measure: ({ snapshot: { webhook } }) => webhook.delivered,
  }),
  counter('fibre_exporter_webhook_failures_total', {
    help: 'Total attempts to deliver to the webhook that failed',
    measure: ({ snapshot: { webhook } }) => webhook.failed,
  }),
  counter('fibre_exporter_webhook_given_up_total', {
    help: 'Total slow blocks given up because too many waited',
    measure: ({ snapshot: { webhook } }) => webhook.givenUp,
  }),
  counter('fibre_exporter_webhook_refused_total', {
    help: 'Total slow blocks that the webhook refused for good (answers 4xx but 408, 425 and 429)',
    measure: ({ snapshot: { webhook } }) => webhook.refused,
  }),
  gauge('fibre_exporter_webhook_pending', {
    help: 'Slow blocks that wait to be delivered to the webhook',
    measure: ({ snapshot: { webhook } }) => webhook.pending,
  }),
  counter('fibre_exporter_log_lines_dropped_total', {
    help: 'Total lines of the log that were dropped because the output did not take them',
    labels: { output: 'any' },
    measure: ({ logDropped }) => [...logDropped].map(([output, dropped]) => sample(dropped, { output })),
  }),
] as const

/** Metrics of the agent's process and machine. */
export const processMetrics = [
  gauge('fibre_exporter_clock_error_seconds', {
    help: "Most that the machine's clock can be wrong by, as the kernel knows it (adjtimex maxerror)",
    measure: ({ clockErrorSeconds }) => clockErrorSeconds,
  }),
  gauge('fibre_exporter_tls_cert_not_after_seconds', {
    help: 'Unix time at which the TLS certificate expires',
    measure: ({ certificateExpiry }) => certificateExpiry,
  }),
  gauge('fibre_exporter_event_loop_lag_seconds', {
    help: 'How late the event loop of the agent was when metrics were collected',
    measure: ({ eventLoopLagSeconds }) => eventLoopLagSeconds,
  }),
  counter('fibre_exporter_wrong_passwords_total', {
    help: 'Total requests with a wrong user name or password',
    measure: ({ wrongPasswords }) => wrongPasswords,
  }),
  counter('process_cpu_seconds_total', {
    help: 'Total user and system CPU time spent in seconds',
    measure: ({ process }) => process.cpuSeconds,
  }),
  gauge('process_resident_memory_bytes', {
    help: 'Resident memory size in bytes',
    measure: ({ process }) => process.residentBytes,
  }),
  gauge('process_virtual_memory_bytes', {
    help: 'Virtual memory size in bytes',
    measure: ({ process }) => process.virtualBytes,
  }),
  gauge('process_start_time_seconds', {
    help: 'Start time of the process since unix epoch in seconds',
    measure: ({ snapshot: { startedAt } }) => startedAt.getTime() / 1e3,
  }),
  gauge('process_open_fds', {
    help: 'Number of open file descriptors',
    measure: ({ process }) => process.openFds,
  }),
  gauge('process_max_fds', {
    help: 'Maximum number of open file descriptors',
    measure: ({ process }) => process.maxFds,
  }),
] as const

const ofAgent = (state: AgentState) => [{ subjects: [state] }]
const ofKernel = ({ kernelUsage }: AgentState) => (kernelUsage ? [{ subjects: [kernelUsage] }] : [])
const ofNodes = ({ snapshot: { nodes } }: AgentState) => nodes.map((node) => ({ node: node.node, subjects: [node] }))

/** All metrics that are read when they are collected, in the order of the page. */
export const observedMetrics: readonly ObservedMetrics<AgentState>[] = [
  observed(agentMetrics, ofAgent),
  observed(nodeMetrics, ofNodes),
  observed(kernelMetrics, ofKernel),
  observed(outputMetrics, ofAgent),
  observed(processMetrics, ofAgent),
  ...countedMetrics,
]
