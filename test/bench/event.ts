import { setTimeout } from 'node:timers/promises'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { eventsIn, lostOf, startAttachedAgent } from './attached-agent.ts'
import { usualShareOfCore } from './cpu-share.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 1
const SECONDS = 5
/** V8 compiles what this makes hot. */
const WARM_UP = 'events 2000 1000'
const SETTLE_MS = 1_000

const figureAt = (rate: number): Figure => ({
  name: `event-${rate}`,
  title: `CPU for an event at ${rate.toLocaleString('en')}/s, without what an idle agent takes`,
  unit: 'µs',
  async measure({ repeat }) {
    return { samples: await repeat(ROUNDS, () => measureOnce(rate)) }
  },
})

export const eventCosts: readonly Figure[] = [1, 100, 1000, 10_000].map(figureAt)

async function measureOnce(rate: number): Promise<number> {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node)
  const warmUp = eventsIn(await node.command(WARM_UP))
  await setTimeout(SETTLE_MS)
  const idle = await usualShareOfCore(agent.pid, SECONDS)
  const firing = node.command(`events ${rate * (SECONDS + 1)} ${rate}`)
  const busy = await usualShareOfCore(agent.pid, SECONDS)
  const lost = await lostOf(agent, warmUp + eventsIn(await firing))
  if (lost > 0) throw new Error(`${lost} events were lost`)
  return ((busy - idle) / rate) * 1e4
}
