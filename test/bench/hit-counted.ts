import { startBpftrace } from '../harness/bpftrace.ts'
import type { Figure } from './figure.ts'
import { compareHits, probe, type Tracer } from './hits.ts'
import { load, openSource, targetOf } from './in-process.ts'

const HITS = 1_000_000

export const hitCounted: Figure = {
  name: 'hit-counted',
  title: 'a hit in the target, counted in the kernel',
  unit: 'ns',
  goal: { atMost: 'peer' },
  measure: (run) => compareHits(ours, bpftrace, run),
}

/** The agent's own eight are all recorded, so this one is declared anew. Nothing reaches user space: its process does not matter. */
async function loadCounted() {
  const { defineTracepoint } = await load<typeof import('../../agent/tracepoints/define.ts')>('tracepoints/define.ts')
  const { blockReconstructed } = await load<typeof import('../../agent/tracepoints/block-reconstructed.ts')>(
    'tracepoints/block-reconstructed.ts',
  )
  return defineTracepoint({ ...blockReconstructed, counted: {}, metrics: () => [] })
}

const ours: Tracer = {
  hits: HITS,
  async attach(node) {
    const source = await openSource([await loadCounted()])
    const attachment = source.attach(await targetOf(node))
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
