import { setTimeout } from 'node:timers/promises'
import { type DemoNode, startDemoNode } from '../demo-node/demo-node.ts'
import type { AgentProcess } from '../harness/agent.ts'
import { residentMegabytes } from '../harness/process-usage.ts'
import { eventsIn, lostOf, requireAll, startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3
/** The agent gives back what its start has left within this time. */
const SETTLE_MS = 6_000

export const memoryIdle = residentAfter('memory-idle', 'resident memory, idle with one node', 72, () => setTimeout(SETTLE_MS))

export const memoryEvents = residentAfter('memory', 'resident memory after 10,000 events at 1,000/s', 85, async (node, agent) => {
  const fired = await node.command('events 10000 1000')
  requireAll(await agent.scrape(), eventsIn(fired))
})

export const memoryLoad = residentAfter('memory-load', 'resident memory after 5 s at 100,000/s', 110, async (node, agent) => {
  const fired = await node.command('events 500000 100000')
  await lostOf(agent, eventsIn(fired)) // on a busy machine some are lost: they need no memory
})

/** Memory of an agent that has just started, once that was done. */
function residentAfter(name: string, title: string, atMost: number, act: (node: DemoNode, agent: AgentProcess) => Promise<void>): Figure {
  return {
    name,
    title,
    unit: 'MB',
    goal: { atMost },
    async measure({ repeat }) {
      return { samples: await repeat(ROUNDS, measureOnce) }
    },
  }

  async function measureOnce(): Promise<number> {
    await using node = await startDemoNode({ args: ['--control'] })
    await using agent = await startAttachedAgent(node)
    await act(node, agent)
    return residentMegabytes(agent.pid)
  }
}
