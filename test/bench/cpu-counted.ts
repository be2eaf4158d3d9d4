import { setTimeout } from 'node:timers/promises'
import { type CoreProbe, startDemoNode, type Totals } from '../demo-node/demo-node.ts'
import { cpuSeconds } from '../harness/process-usage.ts'
import { startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3
const RATES = { messages: 80_000, mempool: 40_000, utxo: 80_000 }
const RATE = Object.values(RATES).reduce((sum, rate) => sum + rate)
const SECONDS = 20
/** As in the shipped configuration of Prometheus. */
const SCRAPE_EVERY_MS = 10_000

export const cpuCounted: Figure = {
  name: 'cpu-counted',
  title: `CPU of the agent while the kernel counts ${RATE.toLocaleString('en')} hits/s, scraped every ${SCRAPE_EVERY_MS / 1000} s`,
  unit: '% of a core',
  goal: { atMost: 2 },
  measure: async ({ repeat }) => {
    const hitsPerSecond: number[] = []
    const samples = await repeat(ROUNDS, () => measureOnce(hitsPerSecond))
    return {
      samples,
      notes: [`hits a second that came of it, all of them counted: ${hitsPerSecond.map((rate) => rate.toFixed(0)).join(', ')}`],
    }
  },
}

async function measureOnce(hitsPerSecond: number[]): Promise<number> {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAttachedAgent(node, ['--tracepoints', 'all'])
  await agent.scrape()
  const before = cpuSeconds(agent.pid)
  const rates = Object.entries(RATES).map(([load, rate]) => `${load}=${rate}`)
  const begin = performance.now()
  const loading = node.command(`load ${SECONDS} ${rates.join(' ')}`)
  for (let waitedMs = 0; waitedMs < SECONDS * 1000; waitedMs += SCRAPE_EVERY_MS) {
    await setTimeout(SCRAPE_EVERY_MS)
    await agent.scrape()
  }
  const load = await loading
  const seconds = (performance.now() - begin) / 1000
  const share = ((cpuSeconds(agent.pid) - before) / seconds) * 100
  const page = await agent.scrape()
  requireCounted(load, 'utxocache:add', page.sum('bitcoin_utxo_cache_added_total'))
  requireCounted(load, 'mempool:added', page.sum('bitcoin_mempool_added_total'))
  hitsPerSecond.push((RATE * SECONDS) / seconds)
  return share
}

/** Fails if what the page tells is not what the node fired. */
function requireCounted({ totals }: Totals, probe: CoreProbe, counted: number): void {
  const hits = totals[probe]['']?.hits
  if (counted !== hits) throw new Error(`${hits} hits of ${probe} were fired, ${counted} of them counted`)
}
