import { startDemoNode } from '../demo-node/demo-node.ts'
import type { Scrape } from '../harness/scrape.ts'
import { quantile } from '../harness/statistics.ts'
import { eventsIn, requireAll, startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'
import { openMeasuring } from './in-process.ts'

const ROUNDS = 3
const LOAD = 'events 1000 200'

export const delay: Figure = {
  name: 'delay',
  title: "kernel's stamp to metric recorded, p99 at 200/s",
  unit: 'ms',
  goal: { atMost: 1 },
  async measure({ say, repeat }) {
    const samples = await repeat(ROUNDS, measureOnce)
    say("once more with the bundle, by the agent's own histogram")
    return { samples, notes: [`the bundle's own histogram under the same load: p99 ${await boundOfBundle()}`] }
  },
}

/** A histogram gives a bound only. To have the value the agent's parts run in this process, with a clock behind them. */
async function measureOnce(): Promise<number> {
  const delays: number[] = []
  await using node = await startDemoNode({ args: ['--control'] })
  await using _measuring = await openMeasuring(node, (event) => delays.push((Number(process.hrtime.bigint()) - event.stampNs) / 1e6))
  await node.command(LOAD)
  return quantile(delays, 0.99)
}

async function boundOfBundle(): Promise<string> {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node)
  const fired = await node.command(LOAD)
  const scrape = await agent.scrape()
  requireAll(scrape, eventsIn(fired))
  return boundIn(scrape)
}

function boundIn(scrape: Scrape): string {
  const buckets = scrape.series('fibre_exporter_event_delay_seconds_bucket')
  const enough = 0.99 * scrape.sum('fibre_exporter_event_delay_seconds_count')
  const bound = buckets.find(({ value }) => value >= enough)?.labels.le
  return bound === '+Inf' ? 'above its last bucket' : `≤ ${Number(bound) * 1e3} ms`
}
