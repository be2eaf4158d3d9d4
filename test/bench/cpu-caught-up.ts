import { startDemoNode } from '../demo-node/demo-node.ts'
import { cpuSeconds } from '../harness/process-usage.ts'
import { until } from '../harness/until.ts'
import { startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3
const BLOCKS = 20_000
const RATE = 3000

export const cpuCaughtUp: Figure = {
  name: 'cpu-caught-up',
  title: `CPU of the agent while a node catches up ${BLOCKS.toLocaleString('en')} blocks at ${RATE.toLocaleString('en')}/s`,
  unit: '% of a core',
  goal: { atMost: 15 },
  measure: async ({ repeat }) => {
    const rates: number[] = []
    const samples = await repeat(ROUNDS, () => measureOnce(rates))
    return { samples, notes: [`blocks a second that came of it, all of them counted: ${rates.map((rate) => rate.toFixed(0)).join(', ')}`] }
  },
}

async function measureOnce(rates: number[]): Promise<number> {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node)
  const before = cpuSeconds(agent.pid)
  const { seconds } = await node.command(`catch-up ${BLOCKS} ${RATE}`)
  const share = ((cpuSeconds(agent.pid) - before) / seconds) * 100
  const caughtUp = async () => (await agent.scrape()).value('bitcoin_blocks_caught_up_total')
  await until(async () => (await caughtUp()) === BLOCKS, `${BLOCKS} blocks to be counted`)
  rates.push(BLOCKS / seconds)
  return share
}
