import { type DemoNode, startDemoNode } from '../demo-node/demo-node.ts'
import { bpftraceVersion } from '../harness/bpftrace.ts'
import { median } from '../harness/statistics.ts'
import type { Measurement, Run } from './figure.ts'

/** The tracepoint that is hit unless another is named: it passes texts as well as numbers. */
export const probe = 'udp:block_reconstructed'

const ROUNDS = 5
const UNTRACED_HITS = 20_000_000

export interface Tracer {
  /** Attaches. */
  attach(node: DemoNode): Promise<Attached>
  /** Number of hits, flat out, in about a second. */
  readonly hits: number
}

interface Attached {
  /** Detaches, and tells how many of the hits were taken in. */
  detach(): Promise<number>
}

/** CPU time that a hit costs the target, with ours and with bpftrace attached in turn. */
export async function compareHits(ours: Tracer, bpftrace: Tracer, { say, repeat }: Run, hitProbe = probe): Promise<Measurement> {
  const name = bpftraceVersion()
  await using node = await startDemoNode({ args: ['--control'] })
  const untraced = await costOf(node, hitProbe, UNTRACED_HITS)
  const peer: number[] = []
  const taken = { ours: 0, bpftrace: 0 }
  const samples = await repeat(ROUNDS, async () => {
    const our = await hit(node, hitProbe, ours)
    const their = await hit(node, hitProbe, bpftrace)
    say(`${name}: ${their.cost.toFixed(0)} ns`)
    peer.push(their.cost)
    taken.ours += our.taken
    taken.bpftrace += their.taken
    return our.cost
  })
  const lost = (share: number) => `${((1 - share) * 100).toFixed(1)} %`
  return {
    samples,
    peer: { name, samples: peer },
    notes: [
      `with nothing attached a hit costs ${untraced.toFixed(1)} ns; the other figures contain that`,
      `flat out ours lost ${lost(taken.ours / samples.length / ours.hits)} of the hits, bpftrace ${lost(taken.bpftrace / samples.length / bpftrace.hits)}`,
    ],
  }
}

async function hit(node: DemoNode, probe: string, tracer: Tracer): Promise<{ readonly cost: number; readonly taken: number }> {
  const attached = await tracer.attach(node)
  const cost = await costOf(node, probe, tracer.hits)
  return { cost, taken: await attached.detach() }
}

async function costOf(node: DemoNode, probe: string, hits: number): Promise<number> {
  const { cpu_ns_per_hit: cost } = await node.command(`hit ${probe} ${hits}`)
  return cost
}

/** The cost of fewer hits than a tracer may lose any of. */
export async function costOfBurst(tracer: Tracer): Promise<number> {
  await using node = await startDemoNode({ args: ['--control'] })
  const costs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { cost, taken } = await hit(node, probe, tracer)
    if (taken !== tracer.hits) throw new Error(`${tracer.hits - taken} of ${tracer.hits} hits were lost`)
    costs.push(cost)
  }
  return median(costs)
}
