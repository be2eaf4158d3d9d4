import { setTimeout } from 'node:timers/promises'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { cpuSeconds } from '../harness/process-usage.ts'
import { startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

/** The agent collects what its start has left within this time. */
const SETTLE_MS = 6_000
const WINDOW_MS = 30_000

export const idle: Figure = {
  name: 'idle',
  title: 'idle CPU over 30 s, one target',
  unit: 's',
  goal: { atMost: 0.05 },
  async measure({ say, repeat }) {
    await using node = await startDemoNode({ args: ['--control'] })
    await using agent = await startAttachedAgent(node)
    say('waiting until the start is over, then for 30 s')
    await setTimeout(SETTLE_MS)
    const samples = await repeat(1, async () => {
      const before = cpuSeconds(agent.pid)
      await setTimeout(WINDOW_MS)
      return cpuSeconds(agent.pid) - before
    })
    return { samples }
  },
}
