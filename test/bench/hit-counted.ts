import { blockReconstructed } from '../../agent/tracepoints/block-reconstructed.ts'
import { defineTracepoint } from '../../agent/tracepoints/define.ts'
import { startBpftrace } from '../harness/bpftrace.ts'
import type { Figure } from './figure.ts'
import { compareHits, probe, type Tracer } from './hits.ts'
import { openSource, targetOf } from './in-process.ts'

const HITS = 1_000_000

export const hitCounted: Figure = {
  name: 'hit-counted',
  title: 'a hit in the target, counted in the kernel',
  unit: 'ns',
  goal: { atMost: 'peer' },
  measure: (run) => compareHits(ours, bpftrace, run),
}

/** The agent's own eight are all recorded, so this one is declared anew. Nothing reaches user space: its process does not matter. */
const counted = defineTracepoint({ ...blockReconstructed, counted: {}, metrics: () => [] })

const ours: Tracer = {
  hits: HITS,
  async attach(node) {
    const source = openSource([counted])
    const attachment = source.attach(targetOf(node))
    return {
      async detach() {
        await attachment.close()
        const count = source.totals().find((total) => total.probe === probe)?.count ?? 0
        source.close()
        return count
      },
    }
  },
}

const bpftrace: Tracer = {
  hits: HITS,
  async attach(node) {
    const tracing = await startBpftrace(node, { [probe]: '@ = count();' })
    return { detach: async () => Number(/^@: (\d+)$/m.exec(await tracing.end())?.[1]) }
  },
}
