import { badFrom, badIfAny, goodFrom, upOrDown } from '../colour-steps.ts'
import type { DashboardDefinition } from '../dashboard.ts'
import { type At, increase, latest, quantile, times } from '../expressions.ts'
import { type Label, select } from '../names.ts'
import { colours, type PanelDefinition, promql } from '../panel.ts'
import * as thresholds from '../thresholds.ts'
import { agents, chosen, nodes } from '../variables.ts'
import { bars, lines, stat, table, timeline, windowLines } from '../visualizations.ts'

const DAY_SECONDS = 86_400

/** Metrics of the agent itself are told apart by job and instance. */
const byAgent = { scope: agents, by: ['job', 'instance'] } as const satisfies At
const overAgent = { ...byAgent, window: '$window' } as const
const eachAgent = { ...byAgent, window: '$__interval' } as const
const byMap = { scope: agents, by: ['job', 'instance', 'map'] } as const satisfies At
const byProbe = ['job', 'node', 'provider', 'probe'] as const satisfies readonly Label[]

const silent = { noData: 'that no agent reports: nothing is measured', empty: 'no agent reports' } as const

export const agentDashboard: DashboardDefinition = {
  uid: 'fibre-agent',
  title: 'FIBRE agent health',
  purpose: 'Does the measurement itself work: is the agent up, are the tracepoints attached, is anything lost, and do the metrics arrive?',
  rows: [
    { title: 'Is it measuring?', panels: measurementPanels() },
    { title: 'Events', panels: eventPanels() },
    { title: 'Resources and outputs', panels: resourcePanels() },
    { title: 'In the kernel', panels: kernelPanels() },
  ],
}

function measurementPanels(): readonly PanelDefinition[] {
  return [
    stat({
      title: 'Agent',
      question: 'Does each agent report, and does it say that it is up?',
      reading: 'An agent that stops reporting disappears from this panel after five minutes; then an alert fires.',
      ...silent,
      mappings: upOrDown('up', 'down'),
      queries: [promql('{{instance}}', latest('fibre_exporter_up', byAgent))],
      width: 4,
    }),
    stat({
      title: 'Running for',
      question: 'When did each agent start?',
      ...silent,
      unit: 'dtdurations',
      decimals: 1,
      queries: [promql('{{instance}}', `time() - ${latest('fibre_exporter_start_time_seconds', byAgent)}`)],
      width: 4,
    }),
    stat({
      title: 'Tracepoints missing',
      question: 'How many of the tracepoints that should be attached are not?',
      reading: 'While bitcoind is down, all of them are missing.',
      ...silent,
      unit: 'none',
      decimals: 0,
      steps: badIfAny,
      queries: [
        promql(
          '{{node}}',
          `${latest('fibre_exporter_probes_expected', { scope: nodes })} - sum by (job, node) (${select('fibre_exporter_probe_attached', {}, nodes)})`,
        ),
      ],
      width: 4,
    }),
    stat({
      title: 'Events lost, $window',
      question: 'Did events arrive faster than the agent read them?',
      ...silent,
      unit: 'none',
      decimals: 0,
      steps: badIfAny,
      queries: [promql('{{node}}', times('fibre_exporter_events_lost_total', chosen))],
      width: 4,
    }),
    stat({
      title: 'Errors, $window',
      question: 'Did the agent fail to process an event?',
      ...silent,
      unit: 'none',
      decimals: 0,
      steps: badIfAny,
      queries: [promql('{{instance}}', times('fibre_exporter_errors_total', overAgent))],
      width: 4,
    }),
    stat({
      title: 'Restarts of bitcoind, $window',
      question: 'How often was bitcoind restarted?',
      reading: `${thresholds.flapping.restartsPerHour} in an hour fire an alert.`,
      ...silent,
      unit: 'none',
      decimals: 0,
      queries: [promql('{{node}}', times('fibre_exporter_target_restarts_total', chosen))],
      width: 4,
    }),
    timeline({
      title: 'Tracepoints',
      question: 'Which tracepoint was attached when?',
      ...silent,
      mappings: upOrDown('attached', 'missing'),
      steps: goodFrom(1),
      queries: [promql('{{node}} {{provider}}:{{probe}}', latest('fibre_exporter_probe_attached', { scope: nodes, by: byProbe }))],
      width: 16,
      height: 10,
    }),
    table({
      title: 'Agents',
      question: 'Which agent of which version measures which bitcoind?',
      ...silent,
      queries: [promql('', `max by (job, instance, version, node_name, bitcoind_path) (${select('fibre_exporter_info', {}, agents)})`)],
      transformations: [],
      columns: [
        { field: 'instance', heading: 'Agent' },
        { field: 'version', heading: 'Version', width: 80 },
        { field: 'node_name', heading: 'Node' },
        { field: 'bitcoind_path', heading: 'bitcoind' },
      ],
      width: 8,
      height: 10,
    }),
  ]
}

function eventPanels(): readonly PanelDefinition[] {
  return [
    bars({
      title: 'Events by type',
      question: 'Do events arrive, and of every type?',
      reading: 'All chosen agents together.',
      ...silent,
      unit: 'short',
      queries: [promql('{{event_type}}', increase('fibre_exporter_events_processed_total', { ...eachAgent, by: ['event_type'] }))],
      width: 12,
    }),
    windowLines({
      title: 'Delay of events, over $window',
      question: 'How long does an event take from the kernel to the metrics?',
      noData: 'that no event came in the window before',
      empty: 'no event in this time',
      unit: 's',
      min: 0,
      queries: [
        promql('median {{node}}', quantile(0.5, 'fibre_exporter_event_delay_seconds', chosen)),
        promql('p99 {{node}}', quantile(0.99, 'fibre_exporter_event_delay_seconds', chosen)),
      ],
      width: 12,
    }),
    bars({
      title: 'Losses and errors',
      question: 'When were events lost or fields unreadable, and when did the agent fail to process an event?',
      reading: 'All chosen agents together. It is flat when all is well.',
      ...silent,
      unit: 'short',
      series: { 'events lost': colours.bad, 'unreadable fields': colours.low, errors: colours.compact },
      queries: [
        promql('events lost', increase('fibre_exporter_events_lost_total', { ...eachAgent, by: [] })),
        promql('unreadable fields', increase('fibre_exporter_field_errors_total', { ...eachAgent, by: [] })),
        promql('errors', increase('fibre_exporter_errors_total', { ...eachAgent, by: [] })),
      ],
      width: 12,
    }),
    table({
      title: 'Unreadable fields, $window',
      question: 'Which field of which event could not be read?',
      reading: "If a field can never be read, bitcoind's tracepoint has changed.",
      noData: 'that every field was readable',
      empty: 'every field was readable',
      queries: [
        promql(
          '',
          `sort_desc(${times('fibre_exporter_field_errors_total', { ...chosen, by: ['job', 'node', 'event_type', 'field'] })} > 0)`,
        ),
      ],
      transformations: [],
      columns: [
        { field: 'node', heading: 'Node' },
        { field: 'event_type', heading: 'Event' },
        { field: 'field', heading: 'Field' },
        { field: 'Value', heading: 'Times', unit: 'none', decimals: 0 },
      ],
      width: 12,
    }),
  ]
}

function resourcePanels(): readonly PanelDefinition[] {
  return [
    lines({
      title: 'Memory',
      question: 'How much memory does the agent take?',
      ...silent,
      unit: 'bytes',
      min: 0,
      queries: [promql('{{instance}}', latest('process_resident_memory_bytes', byAgent))],
      width: 6,
    }),
    lines({
      title: 'CPU',
      question: 'How much of a core does the agent take?',
      ...silent,
      unit: 'percentunit',
      min: 0,
      queries: [
        promql('{{instance}}', `sum by (job, instance) (rate(${select('process_cpu_seconds_total', {}, agents)}[$__rate_interval]))`),
      ],
      width: 6,
    }),
    lines({
      title: 'Event-loop lag',
      question: "How late does the agent's event loop run?",
      ...silent,
      unit: 's',
      min: 0,
      queries: [promql('{{instance}}', latest('fibre_exporter_event_loop_lag_seconds', byAgent))],
      width: 6,
    }),
    lines({
      title: 'Open files',
      question: 'What share of the file descriptors that it may open has the agent open?',
      ...silent,
      unit: 'percentunit',
      min: 0,
      queries: [promql('{{instance}}', `${latest('process_open_fds', byAgent)} / ${latest('process_max_fds', byAgent)}`)],
      width: 6,
    }),
    bars({
      title: 'Pushes',
      question: 'Do the metrics arrive where the agent pushes them?',
      reading: 'All chosen agents together. It is flat where Prometheus scrapes.',
      ...silent,
      unit: 'short',
      series: { taken: colours.good, failed: colours.bad },
      queries: [
        promql('taken', increase('fibre_exporter_export_success_total', { ...eachAgent, by: [] })),
        promql('failed', increase('fibre_exporter_export_failures_total', { ...eachAgent, by: [] })),
      ],
      width: 8,
    }),
    bars({
      title: 'Records not written, slow blocks not delivered',
      question: 'Does the journal take every record, and the webhook every slow block?',
      reading: 'All chosen agents together. The agent tries again; its log has the reason.',
      ...silent,
      unit: 'short',
      series: { 'not written': colours.bad, 'not delivered': colours.other },
      queries: [
        promql('not written', increase('fibre_exporter_journal_failures_total', { ...eachAgent, by: [] })),
        promql('not delivered', increase('fibre_exporter_webhook_failures_total', { ...eachAgent, by: [] })),
      ],
      width: 8,
    }),
    lines({
      title: 'Duration of scrapes',
      question: 'How long does a scrape of the agent take?',
      noData: 'that agents push, or that none reports',
      empty: 'nothing is scraped',
      unit: 's',
      min: 0,
      queries: [promql('{{instance}}', latest('scrape_duration_seconds', byAgent))],
      width: 8,
    }),
    lines({
      title: 'Clock error',
      question: 'By how much can the clock of each machine be wrong at most?',
      reading: `The kernel's own bound, not a measurement. From ${thresholds.clock.errorSeconds} s on an alert fires: nothing corrects that clock, and times of different nodes cannot be compared.`,
      ...silent,
      unit: 's',
      min: 0,
      steps: badFrom(thresholds.clock.errorSeconds),
      queries: [promql('{{instance}}', latest('fibre_exporter_clock_error_seconds', byAgent))],
      width: 12,
    }),
    stat({
      title: 'Certificate',
      question: "How long is the agent's TLS certificate still valid?",
      reading: `Below ${thresholds.certificate.daysLeft} days an alert fires.`,
      noData: 'that no agent serves TLS',
      empty: 'no certificate',
      unit: 'dtdurations',
      decimals: 1,
      height: 8,
      steps: goodFrom(thresholds.certificate.daysLeft * DAY_SECONDS),
      queries: [promql('{{instance}}', `${latest('fibre_exporter_tls_cert_not_after_seconds', byAgent)} - time()`)],
      width: 12,
    }),
  ]
}

function kernelPanels(): readonly PanelDefinition[] {
  return [
    windowLines({
      title: 'Time of a hit, over $window',
      question: 'How long does bitcoind wait for the eBPF program at each hit of a tracepoint?',
      reading: 'The mean, without the trap into the kernel before it.',
      noData: 'that no agent runs with --count-runs, or that nothing was hit',
      empty: 'not counted',
      unit: 's',
      min: 0,
      queries: [
        promql(
          '{{instance}}',
          `${increase('fibre_exporter_probe_run_seconds_total', overAgent)} / ${increase('fibre_exporter_probe_runs_total', overAgent)}`,
        ),
      ],
      width: 8,
    }),
    lines({
      title: 'Most of the buffer in use',
      question: 'What share of the buffer between kernel and agent was in use at most since the agent started?',
      reading: 'At 100 % events are lost; --ring-size makes it larger.',
      ...silent,
      unit: 'percentunit',
      min: 0,
      queries: [
        promql(
          '{{instance}}',
          `${latest('fibre_exporter_ring_most_unread_bytes', byAgent)} / ${latest('fibre_exporter_ring_size_bytes', byAgent)}`,
        ),
      ],
      width: 8,
    }),
    lines({
      title: 'Maps in use',
      question: 'What share of the entries of each map of the eBPF programs is in use?',
      reading: 'At 100 % of specs no further tracepoint can be attached, and at 100 % of totals hits with new labels are lost.',
      ...silent,
      unit: 'percentunit',
      min: 0,
      queries: [
        promql(
          '{{instance}} {{map}}',
          `${latest('fibre_exporter_map_entries', byMap)} / ${latest('fibre_exporter_map_max_entries', byMap)}`,
        ),
      ],
      width: 8,
    }),
  ]
}
