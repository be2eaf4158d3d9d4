import { increase } from '../expressions.ts'
import { metric, select } from '../names.ts'
import type { Alert } from '../rule.ts'
import { behind, errors, flapping, lostFibre, noBlock } from '../thresholds.ts'
import { catchingUp } from './windows.ts'

const isUp = `max by (job, node) (${metric('fibre_exporter_target_up')}) == 1`
const height = metric('fibre_last_block_height')

const fibreProbes = select('fibre_exporter_probe_attached', { provider: 'udp' })

/** True of a node with tracepoints of FIBRE. */
export const hasFibre = `max by (job, node) (${fibreProbes}) == 1`

/** Seconds since the node connected a block, or since the agent started if there was none yet. */
const sinceLastBlock = [
  `time() - (max by (job, node) (${metric('fibre_last_block_connected_timestamp_seconds')})`,
  `  or max by (job, node) (${metric('fibre_exporter_target_up')} * on (job, instance) group_left () ${metric('fibre_exporter_start_time_seconds')}))`,
].join('\n')

const noBlockFor = (seconds: number, severity: Alert['severity']): Alert => ({
  alert: 'FibreNoBlock',
  expr: `${sinceLastBlock} > ${seconds}\nand ${isUp}`,
  // A node that was off has an old block until it has loaded and found its peers.
  for: '10m',
  severity,
  summary: '{{ $labels.node }} has connected no block for {{ $value | humanizeDuration }}',
  description: `bitcoind of {{ $labels.node }} is running but has connected no block for {{ $value | humanizeDuration }}. By chance a gap is over 90 min once in two months, over 2 h once in three years.`,
})

/** Alerts about nodes, and about the measurement of a node. */
export const nodeAlerts: readonly Alert[] = [
  {
    alert: 'FibreNodeDown',
    expr: `max by (job, node) (${metric('fibre_exporter_target_up')}) == 0`,
    for: '10m',
    severity: 'critical',
    summary: 'bitcoind of {{ $labels.node }} is not running',
    description: 'The agent has found no bitcoind of {{ $labels.node }} for ten minutes.',
  },
  {
    alert: 'FibreTargetFlapping',
    // increase() extrapolates three restarts to less than four, so >= with a whole number is exact.
    expr: `${increase('fibre_exporter_target_restarts_total', { window: '1h' })} >= ${flapping.restartsPerHour}`,
    severity: 'warning',
    summary: 'bitcoind of {{ $labels.node }} keeps restarting',
    description: 'bitcoind of {{ $labels.node }} was restarted {{ $value | printf "%.0f" }} times within an hour.',
  },
  {
    alert: 'FibreProbesMissing',
    expr: [
      `max by (job, node) (${metric('fibre_exporter_probes_expected')}) - sum by (job, node) (${metric('fibre_exporter_probe_attached')}) > 0`,
      `and ${isUp}`,
    ].join('\n'),
    for: '10m',
    severity: 'warning',
    summary: '{{ $value }} tracepoints of {{ $labels.node }} are not attached',
    description:
      'The agent is not attached to {{ $value }} of the tracepoints that bitcoind of {{ $labels.node }} should have: what they tell is not measured.',
  },
  {
    alert: 'FibreTracepointsLost',
    expr: [
      `max by (job, node) (max_over_time(${fibreProbes}[${lostFibre.before}])) == 1`,
      `unless max by (job, node) (${fibreProbes})`,
      `and ${isUp}`,
    ].join('\n'),
    for: '10m',
    severity: 'warning',
    summary: '{{ $labels.node }} has lost FIBRE',
    description:
      'bitcoind of {{ $labels.node }} had the tracepoints of FIBRE within the last day and has none of them now: it is measured as a stock node.',
  },
  {
    alert: 'FibreEventsLost',
    expr: `${increase('fibre_exporter_events_lost_total', { window: errors.window })} > 0`,
    severity: 'warning',
    summary: 'Events of {{ $labels.node }} were lost',
    description: `Some {{ $value | printf "%.0f" }} events of {{ $labels.node }} came faster than they were read, within the last ${errors.window}: counts are too low.`,
  },
  {
    alert: 'FibreFieldsUnreadable',
    expr: `${increase('fibre_exporter_field_errors_total', { window: errors.window, by: ['job', 'node', 'event_type', 'field'] })} > 0`,
    severity: 'warning',
    summary: 'Fields of events of {{ $labels.node }} cannot be read',
    description: `{{ $labels.field }} of {{ $labels.event_type }} could not be read from bitcoind of {{ $labels.node }}, some {{ $value | printf "%.0f" }} times within the last ${errors.window}.`,
  },
  noBlockFor(noBlock.warningSeconds, 'warning'),
  noBlockFor(noBlock.criticalSeconds, 'critical'),
  {
    alert: 'FibreNodeBehind',
    expr: [
      `max by (job) (${height}) - on (job) group_right () max by (job, node) (${height}) >= ${behind.blocks}`,
      `and ${isUp}`,
      `unless ${catchingUp('1h')}`,
    ].join('\n'),
    for: '10m',
    severity: 'warning',
    summary: '{{ $labels.node }} is {{ $value }} blocks behind',
    description: '{{ $labels.node }} is {{ $value }} blocks behind the highest node of job {{ $labels.job }}, and is not catching up.',
  },
]
