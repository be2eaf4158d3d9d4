import type { NodeSnapshot } from '../nodes/snapshot.ts'
import { recordedTracepoints } from '../tracepoints/index.ts'
import { metricBuilders, sample } from './definition.ts'

const { counter, gauge } = metricBuilders<NodeSnapshot>()

/** Metrics of the agent's work for each node. */
export const nodeMetrics = [
  gauge('fibre_exporter_target_up', {
    help: 'Whether a bitcoind of that node is running (1 = yes, 0 = no); always 1 with --debug-log, where no process is known',
    measure: ({ isUp }) => Number(isUp),
  }),
  gauge('bitcoin_catching_up', {
    help: 'Whether the node is connecting blocks that it missed, as in the initial download (1 = yes, 0 = no)',
    measure: ({ isCatchingUp }) => (isCatchingUp === undefined ? undefined : Number(isCatchingUp)),
  }),
  counter('fibre_exporter_target_restarts_total', {
    help: 'Total times that a new process took the place of one that had ended',
    measure: ({ restarts }) => restarts,
  }),
  gauge('fibre_exporter_probes_expected', {
    help: 'Number of USDT probes that should be attached: those that every FIBRE node has, and others that this binary offers',
    measure: ({ probes }) => probes.length,
  }),
  gauge('fibre_exporter_probe_attached', {
    help: 'Whether a USDT probe that should be attached is (1 = yes, 0 = no)',
    labels: { provider: 'any', probe: 'any' },
    measure: ({ probes }) =>
      probes.map(({ probe, attached }) => {
        const [provider = '', name = ''] = probe.split(':')
        return sample(Number(attached), { provider, probe: name })
      }),
  }),
  counter('fibre_exporter_events_lost_total', {
    help: 'Total events that were lost because they came faster than they were read',
    labels: { event_type: recordedTracepoints.map(({ eventType }) => eventType) },
    measure: ({ lost }) => [...lost].map(([eventType, count]) => sample(count, { event_type: eventType })),
  }),
  counter('fibre_exporter_field_errors_total', {
    help: 'Total fields of events that could not be read',
    labels: { event_type: 'any', field: 'any' },
    measure: ({ fieldErrors }) =>
      recordedTracepoints.flatMap(({ eventType, args }) =>
        Object.keys(args).map((field) => sample(fieldErrors.get(eventType)?.get(field) ?? 0, { event_type: eventType, field })),
      ),
  }),
] as const

/** Time from the kernel's stamp of an event until its metrics are recorded. */
export const eventDelay = metricBuilders<number>().histogram('fibre_exporter_event_delay_seconds', {
  help: 'Time from the hit of a tracepoint in bitcoind to its event being recorded',
  buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1],
  measure: (seconds) => seconds,
})
