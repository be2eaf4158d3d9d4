import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { cpuSeconds } from '../harness/process-usage.ts'
import { type Load, load, startStockNode } from '../kernel/stock-node.ts'
import { startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3
const RATE = 200_000
const SECONDS = 20
/** As in the shipped configuration of Prometheus. */
const SCRAPE_EVERY_MS = 10_000

const directory = mkdtempSync(join(tmpdir(), 'fibre-bench-'))
process.once('exit', () => rmSync(directory, { recursive: true }))

export const cpuCounted: Figure = {
  name: 'cpu-counted',
  title: `CPU of the agent while the kernel counts ${RATE.toLocaleString('en')} hits/s, scraped every ${SCRAPE_EVERY_MS / 1000} s`,
  unit: '% of a core',
  goal: { atMost: 2 },
  measure: async ({ repeat }) => {
    const rates: number[] = []
    const samples = await repeat(ROUNDS, () => measureOnce(rates))
    return { samples, notes: [`hits a second that came of it, all of them counted: ${rates.map((rate) => rate.toFixed(0)).join(', ')}`] }
  },
}

async function measureOnce(rates: number[]): Promise<number> {
  await using node = await startStockNode(directory)
  await using agent = await startAttachedAgent(node, ['--tracepoints', 'all'])
  await agent.scrape()
  const before = cpuSeconds(agent.pid)
  const loading = load(node, RATE, SECONDS)
  for (let waitedMs = 0; waitedMs < SECONDS * 1000; waitedMs += SCRAPE_EVERY_MS) {
    await setTimeout(SCRAPE_EVERY_MS)
    await agent.scrape()
  }
  const fired = await loading
  const share = ((cpuSeconds(agent.pid) - before) / fired.seconds) * 100
  const page = await agent.scrape()
  requireCounted(fired, 'utxocache:add ', page.sum('bitcoin_utxo_cache_added_total'))
  requireCounted(fired, 'mempool:added ', page.sum('bitcoin_mempool_added_total'))
  rates.push(fired.hits / fired.seconds)
  return share
}

/** Fails if what the page tells is not what the node fired. */
function requireCounted({ totals }: Load, key: string, counted: number): void {
  const [hits] = totals[key] ?? []
  if (counted !== hits) throw new Error(`${hits} hits of ${key}were fired, ${counted} of them counted`)
}
