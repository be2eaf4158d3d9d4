import { startBpftrace } from '../harness/bpftrace.ts'
import type { Figure } from './figure.ts'
import { compareHits, type Tracer } from './hits.ts'
import { load, openSource, targetOf } from './in-process.ts'

const HITS = 1_000_000
const probe = 'net:inbound_message'
/** Room for each type of message. */
const TEXT_LENGTH = 16

export const hitLabelled: Figure = {
  name: 'hit-labelled',
  title: 'a hit in the target, counted in the kernel by a text, its size added up',
  unit: 'ns',
  goal: { atMost: 'peer' },
  measure: (run) => compareHits(ours, bpftrace, run, probe),
}

const ours: Tracer = {
  hits: HITS,
  async attach(node) {
    const { inboundMessage } = await load<typeof import('../../agent/tracepoints/net/inbound-message.ts')>(
      'tracepoints/net/inbound-message.ts',
    )
    const source = await openSource([inboundMessage])
    const attachment = source.attach(await targetOf(node))
    return {
      async detach() {
        await attachment.close()
        const count = source.totals().reduce((hits, { count }) => hits + count, 0)
        source.close()
        return count
      },
    }
  },
}

const bpftrace: Tracer = {
  hits: HITS,
  async attach(node) {
    const tracing = await startBpftrace(node, { [probe]: '@[str(arg3)] = count();' }, TEXT_LENGTH)
    return {
      async detach() {
        const counts = [...(await tracing.end()).matchAll(/^@\[.*\]: (\d+)$/gm)]
        return counts.reduce((sum, [, count]) => sum + Number(count), 0)
      },
    }
  },
}
