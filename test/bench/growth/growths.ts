import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type DemoNode, startDemoNode } from '../../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess } from '../../harness/agent.ts'
import { cpuSeconds, residentMegabytes } from '../../harness/process-usage.ts'
import { median } from '../../harness/statistics.ts'
import { until } from '../../harness/until.ts'
import { eventsIn, lostOf, startAttachedAgent } from '../attached-agent.ts'
import { shareOfCore } from '../cpu-share.ts'
import { openPages } from '../pages.ts'
import type { Growth, Quantity } from './growth.ts'
import { writeJournal } from './old-journal.ts'

const SCRAPES = 30
const WINDOW_MS = 5_000

const events: Growth = {
  noun: 'events',
  sizes: [10_000, 50_000, 100_000],
  per: 1000,
  async measureAt(size) {
    await using node = await startDemoNode({ args: ['--control'] })
    await using agent = await startAttachedAgent(node)
    const before = cpuSeconds(agent.pid)
    await takeIn(agent, [node], size, 10_000)
    const cpu: Quantity = { name: 'CPU for all', unit: 's', value: cpuSeconds(agent.pid) - before }
    return [cpu, ...(await costsOf(agent))]
  },
}

/** Up to the number of records that the page's JSON holds. */
const blocks: Growth = {
  noun: 'blocks held',
  sizes: [1, 500, 1000, 2000],
  per: 100,
  async measureAt(size) {
    await using node = await startDemoNode({ args: ['--control'] })
    await using agent = await startAttachedAgent(node)
    await node.command(`blocks ${size} 200`)
    const url = agent.url('metrics')
    const held = async () => JSON.parse(await (await fetch(`${url}/api/v1/blocks?limit=2000`)).text()).blocks.length
    await until(async () => (await held()) >= size, `${size} records`)
    return [
      ...(await costsOf(agent)),
      { name: 'page', unit: 'ms', value: await medianMs(`${url}/`) },
      { name: 'JSON of all', unit: 'ms', value: await medianMs(`${url}/api/v1/blocks?limit=2000`) },
    ]
  },
}

const nodes: Growth = {
  noun: 'nodes',
  sizes: [1, 10, 100],
  per: 1,
  async measureAt(size) {
    await using stack = new AsyncDisposableStack()
    const directory = temporaryDirectory(stack)
    const binary = join(directory, 'bitcoind')
    copyFileSync(join(import.meta.dirname, '../../../dist/demo-node'), binary)
    const running = await Promise.all(Array.from({ length: size }, (_, i) => startNode(binary, join(directory, String(i)), stack)))
    const begin = performance.now()
    const agent = stack.use(await startAgentProcess({ args: ['--bitcoind', binary] }))
    const attached = () => agent.log.filter(({ msg }) => msg === 'attached to bitcoind').length
    await until(() => attached() === size, `${size} nodes to be attached to`)
    const start: Quantity = { name: 'start to all attached', unit: 's', value: (performance.now() - begin) / 1e3 }
    await setTimeout(WINDOW_MS)
    const idle: Quantity = { name: 'idle', unit: '% of a core', value: await shareOfCore(agent.pid, WINDOW_MS) }
    const before = cpuSeconds(agent.pid)
    const taken = await takeIn(agent, running, 10_000, 2_000)
    const cpu: Quantity = { name: 'CPU for an event', unit: 'µs', value: ((cpuSeconds(agent.pid) - before) / taken) * 1e6 }
    return [start, idle, cpu, ...(await costsOf(agent))]
  },
}

const pages: Growth = {
  noun: 'open pages',
  sizes: [0, 20, 100],
  per: 1,
  async measureAt(size) {
    await using node = await startDemoNode({ args: ['--interval', '1'] })
    await using agent = await startAttachedAgent(node)
    await using _pages = await openPages(agent.url('metrics'), size)
    await setTimeout(WINDOW_MS)
    const cpu: Quantity = { name: 'CPU during a block a second', unit: '% of a core', value: await shareOfCore(agent.pid, 2 * WINDOW_MS) }
    return [cpu, ...(await costsOf(agent))]
  },
}

const journal: Growth = {
  noun: 'MB of journal',
  sizes: [1, 10, 100],
  per: 1,
  async measureAt(size) {
    await using stack = new AsyncDisposableStack()
    const path = join(temporaryDirectory(stack), 'blocks.ndjson')
    writeJournal(path, size * 1e6)
    await using node = await startDemoNode({ args: ['--control'] })
    const begin = performance.now()
    await using agent = await startAttachedAgent(node, ['--journal', path, '--journal-keep', '1GiB'])
    const start: Quantity = { name: 'start to attached', unit: 's', value: (performance.now() - begin) / 1e3 }
    await setTimeout(WINDOW_MS)
    const cpu: Quantity = { name: 'CPU of the first 5 s', unit: 's', value: cpuSeconds(agent.pid) }
    return [start, cpu, ...(await costsOf(agent))]
  },
}

export const growths: readonly Growth[] = [events, blocks, nodes, pages, journal]

/** Fires so many events on all nodes together, waits until all are taken in, and returns their number. */
async function takeIn(agent: AgentProcess, nodes: readonly DemoNode[], count: number, rate: number): Promise<number> {
  const load = `events ${count / nodes.length} ${rate / nodes.length}` as const
  const fired = (await Promise.all(nodes.map((node) => node.command(load)))).reduce((sum, fired) => sum + eventsIn(fired), 0)
  const lost = await lostOf(agent, fired)
  if (lost > 0) throw new Error(`${lost} of ${fired} events were lost`)
  return fired
}

async function costsOf(agent: AgentProcess): Promise<readonly Quantity[]> {
  const memory = residentMegabytes(agent.pid)
  return [
    { name: 'resident memory', unit: 'MB', value: memory },
    { name: 'scrape', unit: 'ms', value: await medianMs(`${agent.url('metrics')}/metrics`) },
  ]
}

/** Time of a request, read to its end. */
async function medianMs(url: string): Promise<number> {
  const durations: number[] = []
  for (let i = 0; i < SCRAPES; i++) {
    const begin = performance.now()
    await (await fetch(url)).arrayBuffer()
    durations.push(performance.now() - begin)
  }
  return median(durations)
}

async function startNode(binary: string, directory: string, stack: AsyncDisposableStack): Promise<DemoNode> {
  mkdirSync(directory)
  return stack.use(await startDemoNode({ binary, args: ['--control', '--datadir', directory] }))
}

function temporaryDirectory(stack: AsyncDisposableStack): string {
  const directory = mkdtempSync(join(tmpdir(), 'fibre-bench-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
