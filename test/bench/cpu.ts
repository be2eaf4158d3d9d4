import { startDemoNode } from '../demo-node/demo-node.ts'
import { cpuSeconds } from '../harness/process-usage.ts'
import type { Scrape } from '../harness/scrape.ts'
import { median } from '../harness/statistics.ts'
import { eventsIn, requireAll, startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'
import { startReceiverProcess } from './receiver.ts'

const ROUNDS = 3
/** Seconds between scrapes, and between pushes: what the events take, so that one of each falls upon them. */
const INTERVAL = '10'

export const cpu: Figure = {
  name: 'cpu',
  title: 'CPU for 10,000 events at 1,000/s, scraped and pushed every 10 s',
  unit: 's',
  goal: { atMost: 0.2 },
  async measure({ repeat }) {
    const inNode: number[] = []
    const samples = await repeat(ROUNDS, () => measureOnce(inNode))
    // The kernel program runs on the node's account.
    return { samples, notes: [`the node that fired them took ${median(inNode).toFixed(3)} s itself, the kernel program included`] }
  },
}

async function measureOnce(inNode: number[]): Promise<number> {
  await using receiver = await startReceiverProcess()
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node, ['--otlp-endpoint', receiver.url, '--otlp-interval', INTERVAL])
  const pushedBefore = pushes(await agent.scrape())
  const before = [cpuSeconds(agent.pid), cpuSeconds(node.pid)] as const
  const fired = await node.command('events 10000 1000')
  const scrape = await agent.scrape()
  const after = [cpuSeconds(agent.pid), cpuSeconds(node.pid)] as const
  requireAll(scrape, eventsIn(fired))
  if (pushes(scrape) <= pushedBefore) throw new Error('nothing was pushed meanwhile')
  inNode.push(after[1] - before[1])
  return after[0] - before[0]
}

const pushes = (scrape: Scrape) => scrape.value('fibre_exporter_export_success_total') ?? 0
