import type { NodeSnapshot, Snapshot } from '../nodes/snapshot.ts'
import { tracepoints } from '../tracepoints/index.ts'
import { type Labels, type MetricDefinition, metricBuilders, type Sample } from './definition.ts'

/** What the agent knows of itself when metrics are collected. */
export interface SelfState {
  readonly snapshot: Snapshot
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

/** `undefined` where it cannot be read. */
export interface ProcessState {
  readonly cpuSeconds: number | undefined
  readonly residentBytes: number | undefined
  readonly virtualBytes: number | undefined
  readonly openFds: number | undefined
  readonly maxFds: number | undefined
}

/** A metric that is read when it is collected. Its samples carry all their labels. */
export interface SelfMetric<Name extends string = string, Label extends string = string>
  extends Omit<MetricDefinition<SelfState>, 'series' | 'openLabel' | 'buckets'> {
  readonly name: Name
  readonly labels: readonly Label[]
}

const metric = (type: 'counter' | 'gauge') => {
  return <const Name extends string, const Label extends string = never>(
    name: Name,
    help: string,
    measure: SelfMetric['measure'],
    labels: readonly Label[] = [],
  ): SelfMetric<Name, Label> => ({ name, type, help, labels, measure })
}
const counter = metric('counter')
const gauge = metric('gauge')

const sample = (value: number, labels: Labels = {}): Sample => ({ value, labels })

const eachNode = (value: (state: NodeSnapshot) => number) => {
  return ({ snapshot: { nodes } }: SelfState) => nodes.map((state) => sample(value(state), { node: state.node }))
}

const eventTypes = tracepoints.map(({ eventType }) => eventType)

export const selfMetrics = [
  gauge('fibre_exporter_up', 'Whether the FIBRE exporter is running (1 = up, 0 = down)', ({ snapshot: { isUp } }) => Number(isUp)),
  gauge(
    'fibre_exporter_start_time_seconds',
    'Unix timestamp when the exporter started',
    ({ snapshot: { startedAt } }) => startedAt.getTime() / 1e3,
  ),
  gauge(
    'fibre_exporter_info',
    'Information about the FIBRE exporter',
    ({ snapshot: { version }, nodeName, executable }) => sample(1, { version, node_name: nodeName, bitcoind_path: executable }),
    ['version', 'node_name', 'bitcoind_path'],
  ),
  counter(
    'fibre_exporter_events_processed_total',
    'Total number of events processed by the exporter',
    ({ snapshot: { eventsProcessed } }) =>
      [...eventTypes, 'unknown'].map((type) => sample(eventsProcessed.get(type) ?? 0, { event_type: type })),
    ['event_type'],
  ),
  counter(
    'fibre_exporter_errors_total',
    'Total number of errors encountered by the exporter',
    ({ snapshot: { eventErrors } }) => sample(eventErrors, { error_type: 'event_processing' }),
    ['error_type'],
  ),
  gauge(
    'fibre_exporter_probes_attached',
    'Number of USDT probes successfully attached',
    ({ snapshot: { nodes } }) => nodes.flatMap(({ probes }) => probes).filter(({ attached }) => attached).length,
  ),
  gauge(
    'fibre_exporter_targets',
    'Number of bitcoind processes being measured',
    ({ snapshot: { nodes } }) => nodes.filter(({ isUp }) => isUp).length,
  ),
  gauge(
    'fibre_exporter_target_up',
    'Whether a bitcoind of that node is running (1 = yes, 0 = no)',
    eachNode(({ isUp }) => Number(isUp)),
    ['node'],
  ),
  counter(
    'fibre_exporter_target_restarts_total',
    'Total times that a new process took the place of one that had ended',
    eachNode(({ restarts }) => restarts),
    ['node'],
  ),
  gauge(
    'fibre_exporter_probes_expected',
    'Number of USDT probes that should be attached: those that every FIBRE node has, and others that this binary offers',
    eachNode(({ probes }) => probes.length),
    ['node'],
  ),
  gauge(
    'fibre_exporter_probe_attached',
    'Whether a USDT probe that should be attached is (1 = yes, 0 = no)',
    ({ snapshot: { nodes } }) =>
      nodes.flatMap(({ node, probes }) =>
        probes.map(({ probe, attached }) => {
          const [provider = '', name = ''] = probe.split(':')
          return sample(Number(attached), { node, provider, probe: name })
        }),
      ),
    ['node', 'provider', 'probe'],
  ),
  counter(
    'fibre_exporter_events_lost_total',
    'Total events that were lost because they came faster than they were read',
    ({ snapshot: { nodes } }) =>
      nodes.flatMap(({ node, lost }) => eventTypes.map((type) => sample(lost.get(type) ?? 0, { node, event_type: type }))),
    ['node', 'event_type'],
  ),
  counter(
    'fibre_exporter_field_errors_total',
    'Total fields of events that could not be read',
    ({ snapshot: { nodes } }) =>
      nodes.flatMap(({ node, fieldErrors }) =>
        tracepoints.flatMap(({ eventType, args }) =>
          Object.keys(args).map((field) => sample(fieldErrors.get(eventType)?.get(field) ?? 0, { node, event_type: eventType, field })),
        ),
      ),
    ['node', 'event_type', 'field'],
  ),
  counter('fibre_exporter_export_success_total', 'Total pushes that the OTLP endpoint took', ({ exports }) => exports.successes),
  counter('fibre_exporter_export_failures_total', 'Total pushes that failed', ({ exports }) => exports.failures),
  counter(
    'fibre_exporter_export_rejected_points_total',
    'Total data points that the OTLP endpoint rejected in pushes that it took',
    ({ exports }) => exports.rejectedPoints,
  ),
  counter(
    'fibre_exporter_journal_records_total',
    'Total records of blocks written to the journal',
    ({ snapshot: { nodes, journal } }) => nodes.map(({ node }) => sample(journal.written.get(node) ?? 0, { node })),
    ['node'],
  ),
  counter(
    'fibre_exporter_journal_failures_total',
    'Total records that could not be written to the journal when they came; they wait',
    ({ snapshot: { journal } }) => journal.failed,
  ),
  counter(
    'fibre_exporter_webhook_deliveries_total',
    'Total slow blocks that the webhook took',
    ({ snapshot: { webhook } }) => webhook.delivered,
  ),
  counter(
    'fibre_exporter_webhook_failures_total',
    'Total attempts to deliver to the webhook that failed',
    ({ snapshot: { webhook } }) => webhook.failed,
  ),
  counter(
    'fibre_exporter_webhook_given_up_total',
    'Total slow blocks given up because too many waited',
    ({ snapshot: { webhook } }) => webhook.givenUp,
  ),
  counter(
    'fibre_exporter_webhook_refused_total',
    'Total slow blocks that the webhook refused for good (answers 4xx but 408, 425 and 429)',
    ({ snapshot: { webhook } }) => webhook.refused,
  ),
  gauge(
    'fibre_exporter_webhook_pending',
    'Slow blocks that wait to be delivered to the webhook',
    ({ snapshot: { webhook } }) => webhook.pending,
  ),
  counter(
    'fibre_exporter_log_lines_dropped_total',
    'Total lines of the log that were dropped because the output did not take them',
    ({ logDropped }) => [...logDropped].map(([output, dropped]) => sample(dropped, { output })),
    ['output'],
  ),
  gauge(
    'fibre_exporter_clock_error_seconds',
    "Most that the machine's clock can be wrong by, as the kernel knows it (adjtimex maxerror)",
    ({ clockErrorSeconds }) => clockErrorSeconds,
  ),
  gauge(
    'fibre_exporter_tls_cert_not_after_seconds',
    'Unix time at which the TLS certificate expires',
    ({ certificateExpiry }) => certificateExpiry,
  ),
  gauge(
    'fibre_exporter_event_loop_lag_seconds',
    'How late the event loop of the agent was when metrics were collected',
    ({ eventLoopLagSeconds }) => eventLoopLagSeconds,
  ),
  counter(
    'fibre_exporter_wrong_passwords_total',
    'Total requests with a wrong user name or password',
    ({ wrongPasswords }) => wrongPasswords,
  ),
  counter('process_cpu_seconds_total', 'Total user and system CPU time spent in seconds', ({ process }) => process.cpuSeconds),
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes', ({ process }) => process.residentBytes),
  gauge('process_virtual_memory_bytes', 'Virtual memory size in bytes', ({ process }) => process.virtualBytes),
  gauge(
    'process_start_time_seconds',
    'Start time of the process since unix epoch in seconds',
    ({ snapshot: { startedAt } }) => startedAt.getTime() / 1e3,
  ),
  gauge('process_open_fds', 'Number of open file descriptors', ({ process }) => process.openFds),
  gauge('process_max_fds', 'Maximum number of open file descriptors', ({ process }) => process.maxFds),
] as const

/** How long an event took from the kernel's stamp until it was recorded. */
export const eventDelay = metricBuilders<number>().histogram('fibre_exporter_event_delay_seconds', {
  help: 'Time from the hit of a tracepoint in bitcoind to its event being recorded',
  buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1],
  measure: (seconds) => seconds,
})
