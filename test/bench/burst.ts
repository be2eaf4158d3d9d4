import { readFileSync } from 'node:fs'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { until } from '../harness/until.ts'
import { eventsIn, lostOf, startAttachedAgent } from './attached-agent.ts'
import { type Figure, show } from './figure.ts'

const STEP = 5_000

export const burst: Figure = {
  name: 'burst',
  title: 'largest burst that a ring of 8 MiB holds while nothing is read',
  unit: 'events',
  goal: { atLeast: 30_000 },
  async measure({ say }) {
    let largest = 0
    for (let size = STEP; ; size += STEP) {
      const lost = await fire(size)
      say(`${show(size, 'events')}: lost ${lost.toLocaleString('en')}`)
      if (lost > 0) return { samples: [largest], notes: [`of ${show(size, 'events')} it lost ${lost.toLocaleString('en')}`] }
      largest = size
    }
  },
}

/** Fires events of all kinds at an agent that is stopped, lets it go on, and returns how many are lost to it. */
async function fire(size: number): Promise<number> {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node, ['--ring-size', '8MiB'])
  agent.kill('SIGSTOP')
  await until(() => /^State:\tT/m.test(readFileSync(`/proc/${agent.pid}/status`, 'utf8')), 'the agent to stop')
  const fired = await node.command(`events ${size} 0`)
  agent.kill('SIGCONT')
  return await lostOf(agent, eventsIn(fired)) // before the agent is disposed of
}
