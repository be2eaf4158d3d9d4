import type { KernelUsage } from '../sources/usage.ts'
import { metricBuilders, sample } from './definition.ts'

const { counter, gauge } = metricBuilders<KernelUsage>()

/** Metrics of what measuring takes of the kernel. In a replay there are none. */
export const kernelMetrics = [
  counter('fibre_exporter_probe_runs_total', {
    help: 'Total runs of the eBPF programs, of all nodes; only with --count-runs',
    labels: { program: 'any' },
    measure: ({ programs }) => programs.flatMap(({ program, runs }) => (runs ? sample(runs.count, { program }) : [])),
  }),
  counter('fibre_exporter_probe_run_seconds_total', {
    help: 'Total time of these runs, which bitcoind waits for, without the trap into the kernel before each; only with --count-runs',
    labels: { program: 'any' },
    measure: ({ programs }) => programs.flatMap(({ program, runs }) => (runs ? sample(runs.seconds, { program }) : [])),
  }),
  counter('fibre_exporter_probe_missed_total', {
    help: 'Total hits for which the kernel did not run the eBPF program, because it ran on that processor already',
    labels: { program: 'any' },
    measure: ({ programs }) => programs.map(({ program, missed }) => sample(missed, { program })),
  }),
  gauge('fibre_exporter_ring_size_bytes', {
    help: 'Size of the buffer between kernel and agent',
    measure: ({ ring }) => ring.sizeBytes,
  }),
  gauge('fibre_exporter_ring_unread_bytes', {
    help: 'Bytes of that buffer that were not read when metrics were collected',
    measure: ({ ring }) => ring.unreadBytes,
  }),
  gauge('fibre_exporter_ring_most_unread_bytes', {
    help: 'Most bytes of that buffer that waited to be read at once since the agent started',
    measure: ({ ring }) => ring.mostUnreadBytes,
  }),
  gauge('fibre_exporter_map_entries', {
    help: 'Entries in use of a map of the eBPF program: places of tracepoints (specs), processes (shares), sums that the kernel adds up (totals)',
    labels: { map: 'any' },
    measure: ({ maps }) => maps.map(({ map, entries }) => sample(entries, { map })),
  }),
  gauge('fibre_exporter_map_max_entries', {
    help: 'Entries that such a map can hold',
    labels: { map: 'any' },
    measure: ({ maps }) => maps.map(({ map, maxEntries }) => sample(maxEntries, { map })),
  }),
] as const
