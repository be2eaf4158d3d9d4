import { startDemoNode } from '../demo-node/demo-node.ts'
import { occupyCore } from '../harness/busy-core.ts'
import { cpuSeconds } from '../harness/process-usage.ts'
import { median, quantile } from '../harness/statistics.ts'
import { eventsIn, lostOf, startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'
import { openMeasuring } from './in-process.ts'

const ROUNDS = 3
const SECONDS = 5
const RATE = 10_000
const LOAD = `events ${SECONDS * RATE} ${RATE}`

export const busyLost: Figure = {
  name: 'busy-lost',
  title: `events lost at 10,000/s for ${SECONDS} s, one core busy`,
  unit: 'events',
  goal: { atMost: 0 },
  async measure({ repeat }) {
    const shares: number[] = []
    const samples = await repeat(ROUNDS, async () => {
      await using node = await startDemoNode({ args: ['--control'] })
      await using agent = await startAttachedAgent(node)
      await using busy = await occupyCore()
      const before = cpuSeconds(busy.pid)
      const fired = await node.command(LOAD)
      shares.push((cpuSeconds(busy.pid) - before) / fired.seconds)
      return await lostOf(agent, eventsIn(fired))
    })
    return { samples, notes: [`the process that kept a core busy had ${(median(shares) * 100).toFixed(0)} % of it`] }
  },
}

export const busyDelay: Figure = {
  name: 'busy-delay',
  title: "kernel's stamp to metric recorded, p99 at 10,000/s, one core busy",
  unit: 'ms',
  goal: { atMost: 5 },
  async measure({ repeat }) {
    return { samples: await repeat(ROUNDS, measureDelay) }
  },
}

async function measureDelay(): Promise<number> {
  const delays: number[] = []
  await using node = await startDemoNode({ args: ['--control'] })
  await using _measuring = await openMeasuring(node, (event) => delays.push((Number(process.hrtime.bigint()) - event.stampNs) / 1e6))
  await using _busy = await occupyCore()
  const fired = eventsIn(await node.command(LOAD))
  if (delays.length < 0.99 * fired) throw new Error(`${fired} events were fired, ${delays.length} of them recorded`)
  return quantile(delays, 0.99)
}
