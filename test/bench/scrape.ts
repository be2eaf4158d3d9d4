import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { quantile } from '../harness/statistics.ts'
import { eventsIn, lostOf } from './attached-agent.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3
const SCRAPES = 600
/** Facts about the agent itself are read anew for a scrape that comes so long after another, as Prometheus' do. */
const APART_MS = 300
const APART_SCRAPES = 20

export const scrape: Figure = {
  name: 'scrape',
  title: '/metrics with all series of two nodes, p99 of 600 scrapes',
  unit: 'ms',
  goal: { atMost: 6 },
  async measure({ say, repeat }) {
    const directory = mkdtempSync(join(tmpdir(), 'fibre-bench-'))
    try {
      const names = ['alpha', 'beta'] as const
      for (const name of names) copyFileSync(join(import.meta.dirname, '../../dist/demo-node'), join(directory, name))
      await using alpha = await startDemoNode({ binary: join(directory, 'alpha'), args: ['--control'] })
      await using beta = await startDemoNode({ binary: join(directory, 'beta'), args: ['--control', '--seed', '2'] })
      await using agent = await startAgentProcess({ args: names.flatMap((name) => ['--node', `${name}=${join(directory, name)}`]) })
      let fired = 0
      for (const node of [alpha, beta]) {
        await node.command('wait 8')
        fired += eventsIn(await node.command('blocks 1000 500'))
      }
      await lostOf(agent, fired)

      const url = `${agent.url('metrics')}/metrics`
      const connection = new Agent({ keepAlive: true, maxSockets: 1 })
      const samples = await repeat(ROUNDS, async () => quantile(await time(SCRAPES, () => fetchPage(url, connection)), 0.99))
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
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
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
