import { Agent, get } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { quantile } from '../harness/statistics.ts'
import { eventsIn, lostOf, startAttachedAgent } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3
const SCRAPES = 600
/** Facts about the agent itself are read anew for a scrape that comes so long after another, as Prometheus' do. */
const APART_MS = 300
const APART_SCRAPES = 20

export const scrapeMedian = figureOf({ name: 'scrape-p50', share: 0.5, atMostMs: 2.5 })
export const scrapeTail = figureOf({ name: 'scrape-p99', share: 0.99, atMostMs: 8 })

function figureOf({ name, share, atMostMs }: { name: string; share: number; atMostMs: number }): Figure {
  return {
    name,
    title: `/metrics of one node, p${share * 100} of ${SCRAPES} scrapes`,
    unit: 'ms',
    goal: { atMost: atMostMs },
    async measure({ say, repeat }) {
      await using node = await startDemoNode({ args: ['--control'] })
      await using agent = await startAttachedAgent(node)
      await lostOf(agent, eventsIn(await node.command('blocks 1000 500')))

      const url = `${agent.url('metrics')}/metrics`
      const connection = new Agent({ keepAlive: true, maxSockets: 1 })
      const samples = await repeat(ROUNDS, async () => quantile(await time(SCRAPES, () => fetchPage(url, connection)), share))
      say(`${APART_SCRAPES} scrapes ${APART_MS} ms apart`)
      const apart = await time(APART_SCRAPES, () => fetchPage(url, connection), APART_MS)
      connection.destroy()
      const { text } = await agent.scrape()
      return {
        samples,
        notes: [
          `the page has ${text.length.toLocaleString('en')} bytes and travels as gzip`,
          `${APART_SCRAPES} scrapes ${APART_MS} ms apart: median ${quantile(apart, 0.5).toFixed(2)} ms, longest ${Math.max(...apart).toFixed(2)} ms`,
        ],
      }
    },
  }
}

/** Milliseconds that each of so many calls took, one after another. */
async function time(calls: number, call: () => Promise<void>, pauseMs?: number): Promise<number[]> {
  const durations: number[] = []
  for (let i = 0; i < calls; i++) {
    if (pauseMs !== undefined) await setTimeout(pauseMs)
    const begin = performance.now()
    await call()
    durations.push(performance.now() - begin)
  }
  return durations
}

/** Asks as Prometheus does, and reads the answer to its end. */
function fetchPage(url: string, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { 'accept-encoding': 'gzip' } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`/metrics answered ${response.statusCode}`))
      response.resume().on('end', resolve).on('error', reject)
    }).on('error', reject)
  })
}
