import { startBpftrace } from '../harness/bpftrace.ts'
import { lostOf, startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'
import { compareHits, costOfBurst, probe, type Tracer } from './hits.ts'

/** About a second's. */
const OUR_HITS = 1_000_000
const BPFTRACE_HITS = 150_000
/** Number of hits that the ring holds even if nothing is read meanwhile. */
const BURST_HITS = 10_000

export const hitRecorded: Figure = {
  name: 'hit-recorded',
  title: 'a hit in the target, recorded with its arguments',
  unit: 'ns',
  goal: { atMost: 'peer' },
  async measure(run) {
    const measurement = await compareHits(tracerOf(OUR_HITS), bpftrace, run)
    run.say(`bursts of ${BURST_HITS} hits`)
    const burst = `in a burst of ${BURST_HITS.toLocaleString('en')} hits, of which none is lost, a hit costs ours ${(await costOfBurst(tracerOf(BURST_HITS))).toFixed(0)} ns`
    return {
      ...measurement,
      notes: [...(measurement.notes ?? []), burst, 'bpftrace cannot read a seventh argument: it prints the height not at all'],
    }
  },
}

/** The bundle as it is run. */
const tracerOf = (hits: number): Tracer => ({
  hits,
  async attach(node) {
    const agent = await startAttachedAgent(node)
    return {
      async detach() {
        const lost = await lostOf(agent, hits)
        await agent[Symbol.asyncDispose]()
        return hits - lost
      },
    }
  },
})

/** Room for a whole hash and an onion peer with its port; bpftrace's 64 would cut both. */
const TEXT_LENGTH = 72

const bpftrace: Tracer = {
  hits: BPFTRACE_HITS,
  async attach(node) {
    const print = 'printf("%s %s %d %d %d %d\\n", str(arg0), str(arg1), arg2, arg3, arg4, arg5);'
    const tracing = await startBpftrace(node, { [probe]: print }, TEXT_LENGTH)
    return { detach: async () => (await tracing.end()).match(/^[0-9a-f]{64} /gm)?.length ?? 0 }
  },
}
