import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { startAttachedAgent } from './attached-agent.ts'
import { shareOfCore } from './cpu-share.ts'
import type { Figure } from './figure.ts'

const ROUNDS = 3
const PAGES = 20
const WINDOW_MS = 10_000
/** The start costs more than the pages. */
const SETTLE_MS = 5_000

export const pages: Figure = {
  name: 'pages',
  title: `CPU for ${PAGES} open pages during a block a second, beyond that without pages`,
  unit: '% of a core',
  goal: { atMost: 0.5 },
  async measure({ repeat }) {
    const samples = await repeat(ROUNDS, async () => {
      await using node = await startDemoNode({ args: ['--interval', '1'] })
      await using agent = await startAttachedAgent(node)
      await setTimeout(SETTLE_MS)
      const alone = await shareOfCore(agent.pid, WINDOW_MS)
      await using _pages = await openPages(agent.url('metrics'), PAGES)
      await setTimeout(SETTLE_MS)
      return (await shareOfCore(agent.pid, WINDOW_MS)) - alone
    })
    return { samples }
  },
}

/** Opens the streams that so many pages listen to, and reads what they bring. */
export async function openPages(url: string, count: number): Promise<AsyncDisposable> {
  const requests = await Promise.all(Array.from({ length: count }, () => openStream(`${url}/live`)))
  return {
    async [Symbol.asyncDispose]() {
      for (const request of requests) request.destroy()
    },
  }
}

function openStream(url: string): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response: IncomingMessage) => {
      if (response.statusCode !== 200) reject(new Error(`/live answered ${response.statusCode}`))
      response.on('error', () => {}).resume() // its end, which we bring about
      resolve(request)
    }).on('error', reject)
  })
}
