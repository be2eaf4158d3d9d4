import { startDemoNode } from '../demo-node/demo-node.ts'
import { residentMegabytes } from '../harness/process-usage.ts'
import { eventsIn, requireAll, startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3

export const memory: Figure = {
  name: 'memory',
  title: 'resident memory after 10,000 events at 1,000/s',
  unit: 'MB',
  goal: { atMost: 85 },
  async measure({ repeat }) {
    return { samples: await repeat(ROUNDS, measureOnce) }
  },
}

async function measureOnce(): Promise<number> {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node)
  const fired = await node.command('events 10000 1000')
  requireAll(await agent.scrape(), eventsIn(fired))
  return residentMegabytes(agent.pid)
}
