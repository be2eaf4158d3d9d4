import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { type AgentProcess, bundle, startAgentProcess } from '../harness/agent.ts'
import { connectTo, exchange } from '../harness/connections.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, readiness, stage, startNode } from '../harness/stage.ts'
import { median } from '../harness/statistics.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const credentials = { FIBRE_METRICS_AUTH_USERNAME: 'ann', FIBRE_METRICS_AUTH_PASSWORD: 'right' }
const head = (path: string, password = 'right') =>
  `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${btoa(`ann:${password}`)}\r\n`

async function scrapeMs(agent: AgentProcess): Promise<number> {
  const start = performance.now()
  expect(await exchange(Number(new URL(agent.url('metrics')).port), `${head('/metrics')}Connection: close\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 200 /,
  )
  return performance.now() - start
}

/** Of scrapes that begin 20 ms apart. */
async function medianScrapeMs(agent: AgentProcess): Promise<number> {
  const times: number[] = []
  for (let scrape = 0; scrape < 41; scrape++) {
    times.push(await scrapeMs(agent))
    await setTimeout(20)
  }
  return median(times)
}

function residentMiB({ pid }: AgentProcess): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
}

const open = (agent: AgentProcess, server: 'metrics' | 'health', count: number) =>
  Promise.all(Array.from({ length: count }, async () => (await connectTo(agent.url(server))).resume()))

interface Attack {
  readonly sockets: readonly Socket[]
  /** When all of it was sent that ever will be. */
  readonly sent?: Promise<unknown>
}

/** Each begins an attack that goes on by itself. */
const attacks: Readonly<Record<string, (agent: AgentProcess) => Promise<Attack>>> = {
  async '1,000 slow connections'(agent) {
    const sockets = await open(agent, 'metrics', 1_000)
    for (const socket of sockets) {
      socket.write('GET /metrics HTTP/1.1\r\n')
      const timer = setInterval(() => socket.write('X'), 500)
      socket.once('close', () => clearInterval(timer))
    }
    return { sockets }
  },
  async '10,000 wrong passwords'(agent) {
    const sockets = await open(agent, 'metrics', 500)
    const guess = async (socket: Socket) => {
      for (let attempt = 0; attempt < 20; attempt++) {
        socket.write(`${head('/metrics', `wrong ${attempt}`)}\r\n`)
        await once(socket, 'data')
      }
    }
    return { sockets, sent: Promise.all(sockets.map(guess)) }
  },
  async '100 pipelining connections'(agent) {
    const paths = ['/', '/metrics', '/api/v1/blocks?limit=2000', '/api/v1/status'].map((path) => [path, 'metrics'] as const)
    const all = [...paths, ['/ready', 'health'] as const].map(async ([path, server]) => {
      const sockets = await open(agent, server, 20)
      for (const socket of sockets) socket.write(`${head(path)}\r\n`.repeat(700))
      return sockets
    })
    return { sockets: (await Promise.all(all)).flat() }
  },
}

describe('beside', () => {
  it.for(Object.entries(attacks))('%s scrapes take at most three times as long, and memory comes back', async ([, attack]) => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind], env: credentials })
    await attached(node)
    await node.command('blocks 500 1000')
    await medianScrapeMs(agent) // until all is compiled that will be
    const [aloneMs, restingMiB] = [await medianScrapeMs(agent), residentMiB(agent)]
    const { sockets, sent } = await attack(agent)
    const besideMs = await medianScrapeMs(agent)
    await sent
    const attackedMiB = residentMiB(agent)
    for (const socket of sockets) socket.destroy()
    console.log(
      `alone ${aloneMs.toFixed(1)} ms, beside ${besideMs.toFixed(1)} ms; ${restingMiB.toFixed(0)} MiB, then ${attackedMiB.toFixed(0)}`,
    )
    expect(besideMs).toBeLessThan(3 * aloneMs + 10)
    expect(attackedMiB).toBeLessThan(restingMiB + 100)
    await until(() => residentMiB(agent) < 1.15 * restingMiB, 'memory to come back', 60_000)
    agent.kill()
    expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
  })
})

it('with 1,024 file descriptors, idle clients cut off neither health, metrics nor new nodes', async () => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  await using agent = await startAgentProcess({ command: ['prlimit', '--nofile=1024:1024', bundle], args: ['--bitcoind', bitcoind] })
  await open(agent, 'metrics', 1_000)
  await open(agent, 'health', 1_000)
  await using node = await startNode(bitcoind, path())
  await attached(node)
  await until(async () => (await readiness(agent)).text === 'OK', 'the agent to be ready')
  const scrape = await agent.scrape()
  expect(scrape.value('process_max_fds')).toBe(1_024)
  expect(scrape.value('process_open_fds')).toBeLessThan(900)
  expect(agent.log.filter(({ level }) => level === 'error')).toEqual([])
})

it('with a password, wrong ones are counted', async () => {
  await using agent = await startAgentProcess({ args: ['--bitcoind', stage().install('bitcoind')], env: credentials })
  const [socket] = await open(agent, 'metrics', 1)
  socket?.write(`${head('/metrics', 'wrong')}\r\n`)
  await once(socket as Socket, 'data')
  const answer = await exchange(Number(new URL(agent.url('metrics')).port), `${head('/metrics')}Connection: close\r\n\r\n`)
  expect(answer).toContain('fibre_exporter_wrong_passwords_total 1\n')
})
