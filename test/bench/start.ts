import { type DemoNode, startDemoNode } from '../demo-node/demo-node.ts'
import { startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 9

export const start: Figure = {
  name: 'start',
  title: 'start of the bundle to attached and serving',
  unit: 's',
  goal: { atMost: 0.15 },
  async measure({ say, repeat }) {
    await using node = await startDemoNode({ args: ['--control'] })
    say('once without counting, which brings the files into memory')
    await startOnce(node)
    return { samples: await repeat(ROUNDS, () => startOnce(node)) }
  },
}

async function startOnce(node: DemoNode): Promise<number> {
  const begin = performance.now()
  await using agent = await startAttachedAgent(node)
  const response = await fetch(`${agent.url('metrics')}/metrics`)
  await response.text()
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`)
  return (performance.now() - begin) / 1e3
}
