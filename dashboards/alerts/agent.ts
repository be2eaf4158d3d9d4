import { increase } from '../expressions.ts'
import { metric, select } from '../names.ts'
import type { Alert } from '../rule.ts'
import { agent, certificate, clock, discards, errors, journal, push } from '../thresholds.ts'

/** An agent measures all nodes of its machine, so its own metrics have no label `node`; the text of an alert looks the nodes up. */
const itsNodes = `Nodes: {{ range query (printf "group by (node) (last_over_time(${metric('fibre_exporter_target_up')}{job=%q, instance=%q}[${agent.rememberedFor}]))" $labels.job $labels.instance) }}{{ .Labels.node }} {{ end }}`

const reporting = metric('fibre_exporter_up')
const lastReport = `last_over_time(${reporting}[${agent.rememberedFor}])`
/** Only a scraped agent has `up`, and one whose target was removed is not missing. In steps of an hour, because every target has `up`. */
const unlessScraped = `unless on (job, instance) last_over_time((up and on (job, instance) ${reporting})[${agent.rememberedFor}:1h])`
const byAgent = ['job', 'instance'] as const

/** Alerts about agents. */
export const agentAlerts: readonly Alert[] = [
  {
    alert: 'FibreAgentDown',
    // In this order: scraped and never reached; scraped and reached before, under any job; pushing. A pushed series vanishes after 5 min,
    // and `absent` would not notice one of several, so a series counts that existed recently and no longer does.
    expr: [
      `${select('up', { job: agent.job })} == 0`,
      `or up == 0 and on (job, instance) ${lastReport}`,
      `or ${lastReport} == 1 unless on (job, instance) last_over_time(${reporting}[${agent.silentFor}]) ${unlessScraped}`,
    ].join('\n'),
    for: '5m',
    severity: 'critical',
    summary: 'No word from the agent at {{ $labels.instance }}',
    description: `The agent {{ $labels.instance }} (job {{ $labels.job }}) is not reached, or pushes nothing any more: its nodes are not measured. ${itsNodes}`,
  },
  {
    alert: 'FibreAgentStopped',
    expr: `${lastReport} == 0 ${unlessScraped}`,
    for: '30m',
    severity: 'warning',
    summary: 'The agent at {{ $labels.instance }} was stopped and has not come back',
    description: `The agent {{ $labels.instance }} (job {{ $labels.job }}) said that it stops, half an hour ago or more: its nodes are not measured. ${itsNodes}`,
  },
  {
    alert: 'FibreNoAgent',
    expr: `absent_over_time(${reporting}[${agent.rememberedFor}])`,
    for: '15m',
    severity: 'warning',
    summary: 'No agent reports here',
    description: `For ${agent.rememberedFor} no agent has been scraped by this Prometheus, or pushed to it: no node is measured.`,
  },
  {
    alert: 'FibreAgentRestarting',
    expr: `changes(${metric('fibre_exporter_start_time_seconds')}[1h]) >= ${agent.restartsPerHour}`,
    severity: 'warning',
    summary: 'The agent at {{ $labels.instance }} keeps restarting',
    description: `The agent {{ $labels.instance }} was started {{ $value }} times within an hour. Between two starts nothing is measured. ${itsNodes}`,
  },
  {
    alert: 'FibreEventErrors',
    expr: `${increase('fibre_exporter_errors_total', { window: errors.window, by: byAgent })} > 0`,
    severity: 'warning',
    summary: 'The agent at {{ $labels.instance }} cannot process events',
    description: `The agent {{ $labels.instance }} failed to process events within the last ${errors.window}: what it says of blocks is not complete. ${itsNodes}`,
  },
  {
    alert: 'FibrePushFailing',
    // Known only where the agent is also scraped, or pushes to another endpoint too. Otherwise FibreAgentDown fires.
    expr: [
      `${increase('fibre_exporter_export_failures_total', { window: push.window, by: byAgent })} > 0`,
      `and ${increase('fibre_exporter_export_success_total', { window: push.window, by: byAgent })} == 0`,
    ].join('\n'),
    for: '5m',
    severity: 'warning',
    summary: 'The agent at {{ $labels.instance }} cannot push its metrics',
    description: `Not one push of the agent {{ $labels.instance }} arrived within the last ${push.window}. ${itsNodes}`,
  },
  {
    alert: 'FibrePushRejected',
    // Known only where the agent is also scraped, or pushes to another endpoint too.
    expr: `${increase('fibre_exporter_export_rejected_points_total', { window: push.window, by: byAgent })} > 0`,
    severity: 'warning',
    summary: 'What the agent at {{ $labels.instance }} pushes is rejected in part',
    description: `The receiver took pushes of the agent {{ $labels.instance }} within the last ${push.window}, but rejected data points in them: some series are missing there. ${itsNodes}`,
  },
  {
    alert: 'FibreJournalFailing',
    expr: `${increase('fibre_exporter_journal_failures_total', { window: journal.window, by: byAgent })} > 0`,
    severity: 'warning',
    summary: 'The agent at {{ $labels.instance }} cannot write its journal',
    description: `Records of blocks could not be written when they were due, within the last ${journal.window}; the agent {{ $labels.instance }} holds the newest of them and measures on. ${itsNodes}`,
  },
  {
    alert: 'FibreWebhookFailing',
    expr: `${metric('fibre_exporter_webhook_pending')} > 0`,
    for: '15m',
    severity: 'warning',
    summary: 'The webhook of the agent at {{ $labels.instance }} takes no slow blocks',
    description: `{{ $value }} slow blocks wait at the agent {{ $labels.instance }} to be delivered, and have for a quarter of an hour. ${itsNodes}`,
  },
  {
    alert: 'FibreWebhookRefused',
    expr: `${increase('fibre_exporter_webhook_refused_total', { window: discards.window, by: byAgent })} > 0`,
    severity: 'warning',
    summary: 'The webhook of the agent at {{ $labels.instance }} refuses slow blocks',
    description: `Within the last ${discards.window} the webhook refused slow blocks of the agent {{ $labels.instance }} for good: they are not delivered again. ${itsNodes}`,
  },
  {
    alert: 'FibreLogDropping',
    expr: `${increase('fibre_exporter_log_lines_dropped_total', { window: discards.window, by: byAgent })} > 0`,
    severity: 'warning',
    summary: 'The log of the agent at {{ $labels.instance }} has gaps',
    description: `The agent {{ $labels.instance }} measures on, but its log file or its standard output did not take lines within the last ${discards.window}. ${itsNodes}`,
  },
  {
    alert: 'FibreClockBad',
    expr: `${metric('fibre_exporter_clock_error_seconds')} > ${clock.errorSeconds}`,
    for: '15m',
    severity: 'info',
    summary: 'The clock at {{ $labels.instance }} is not kept',
    description: `The clock at {{ $labels.instance }} may be wrong by {{ $value | humanizeDuration }}: times of its nodes cannot be compared with those of others. ${itsNodes}`,
  },
  {
    alert: 'FibreCertExpiring',
    expr: `${metric('fibre_exporter_tls_cert_not_after_seconds')} - time() < ${certificate.daysLeft} * 86400`,
    for: '1h',
    severity: 'warning',
    summary: 'The certificate of the agent at {{ $labels.instance }} expires',
    description: `The certificate of {{ $labels.instance }} expires in {{ $value | humanizeDuration }}. Then nobody can scrape it any more. ${itsNodes}`,
  },
]
