import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type DemoNode, probes } from '../demo-node/demo-node.ts'
import { type AgentProcess, bundle, startAgentProcess, withoutMessages } from '../harness/agent.ts'
import { connectTo, idleConnections } from '../harness/connections.ts'
import { requireBpf } from '../harness/listening.ts'
import { seriesKey, startOtlpReceiver } from '../harness/otlp.ts'
import { attached, ended, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const unheld = Object.fromEntries(probes.map((probe) => [probe, 0]))

async function isFree(node: DemoNode): Promise<boolean> {
  const semaphores = await node.command('semaphores')
  return probes.every((probe) => semaphores[probe] === 0)
}

/** Nobody listens to the node any more, and it works on. */
async function expectFree(node: DemoNode): Promise<void> {
  expect(await node.command('semaphores')).toMatchObject(unheld)
  expect(await node.command('blocks 10')).toMatchObject({ blocks: 10, events: unheld })
  expect(await ended(node)).toEqual({ code: 0, signal: null })
}

/** Sockets on which a process takes connections, as the kernel lists them. */
function listeningSockets(pid: number): readonly string[] {
  const listening = ['tcp', 'tcp6'].flatMap((family) =>
    readFileSync(`/proc/${pid}/net/${family}`, 'latin1')
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter(([, , , state]) => state === '0A')
      .map(([, , , , , , , , , inode]) => `socket:[${inode}]`),
  )
  return readdirSync(`/proc/${pid}/fd`)
    .map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
    .filter((link) => listening.includes(link))
}

/** Ends the agent by a signal; returns its exit, and the time that it took. */
async function stop(agent: AgentProcess, signal: NodeJS.Signals) {
  const start = performance.now()
  agent.kill(signal)
  const { code, stderr } = await agent.exited
  return { code, stderr, ms: performance.now() - start }
}

describe('an agent that is told to stop', () => {
  it.for(['SIGTERM', 'SIGINT'] as const)('with %s ends well within a second, though clients keep their connections', async (signal) => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await attached(node)
    await idleConnections(`${agent.url('metrics')}/metrics`, 5)
    const unfinished = await connectTo(agent.url('metrics'))
    unfinished.write('GET /metrics HTTP/1.1\r\n')
    const { code, stderr, ms } = await stop(agent, signal)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(ms).toBeLessThan(1_000)
    await expectFree(node)
  })

  it('does so once, however often it is told', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const endpoint = `http://127.0.0.1:${await silentPort()}` // so that the end takes a while
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--otlp-endpoint', endpoint] })
    await attached(node)
    agent.kill('SIGINT')
    await until(() => isFree(node), 'the end to begin')
    agent.kill('SIGINT')
    expect(await stop(agent, 'SIGTERM')).toMatchObject({ code: 0, stderr: '' })
    expect(agent.log.filter(({ msg }) => msg === 'stopped')).toHaveLength(1)
    await expectFree(node)
  })

  it('while it starts ends well, too', async () => {
    await using agent = await startAgentProcess({ args: ['--bitcoind', stage().path('bitcoind')], untilListening: false })
    await agent.logged(({ msg }) => msg === 'starting')
    expect(await stop(agent, 'SIGTERM')).toMatchObject({ code: 0, stderr: '' })
    expect(agent.log.at(-1)?.msg).toBe('stopped')
  })
})

describe('a signal that means something else to other programs', () => {
  it('SIGHUP while it starts is heard once it has started', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--log-file', path('agent.log')], untilListening: false })
    await agent.logged(({ msg }) => msg === 'starting')
    await until(() => existsSync(path('agent.log')), 'the log file')
    renameSync(path('agent.log'), path('agent.log.1'))
    agent.kill('SIGHUP')
    await attached(node)
    await until(() => existsSync(path('agent.log')), 'the log file to be opened anew')
    expect(await stop(agent, 'SIGTERM')).toMatchObject({ code: 0, stderr: '' })
  })

  it.for([
    ['as it is installed', [bundle]],
    ['without the flags in its first line', [process.execPath, bundle]],
  ] satisfies [string, [string, ...string[]]][])('SIGUSR1 opens no debugger: %s', async ([, command]) => {
    const bitcoind = stage().install('bitcoind')
    const anyPort = { NODE_OPTIONS: '--inspect-port=0' } // its own may be in use
    await using agent = await startAgentProcess({ command, args: ['--bitcoind', bitcoind], env: anyPort })
    for (let i = 0; i < 3; i++) {
      agent.kill('SIGUSR1')
      await agent.scrape() // it has come round to what was waiting
    }
    expect(listeningSockets(agent.pid)).toHaveLength(2)
    expect(await stop(agent, 'SIGTERM')).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('an agent that is killed', () => {
  it('leaves the node as it was, and a new one goes on', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const args = ['--bitcoind', bitcoind]
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args })
    await attached(node)
    await stop(agent, 'SIGKILL')
    await until(() => isFree(node), 'all semaphores to be 0', 1_000)
    expect(await node.command('blocks 10')).toMatchObject({ blocks: 10, events: unheld })

    await using next = await startAgentProcess({ args })
    await attached(node)
    await node.command('blocks 3')
    expect((await next.scrape()).value('bitcoin_blocks_connected_total')).toBe(3)
  })
})

describe('the last push', () => {
  /** True for the agent's own series that change from one scrape to the next. */
  const isOfTheMoment = (series: string) =>
    /^(process_|fibre_exporter_(up|clock|event_loop|export_success|map_entries|ring_(most_)?unread))/.test(series)

  it('has all that happened, the same as was scraped, and says that the agent is down', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const receiver = await startOtlpReceiver()
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({
      args: ['--bitcoind', bitcoind, ...withoutMessages],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_METRIC_EXPORT_INTERVAL: '1000' },
    })
    await attached(node)
    await node.command('blocks 100')
    await until(() => receiver.pushes.length > 0, 'a first push')
    expect(receiver.pushes[0]?.get(seriesKey('fibre_exporter_up', {}))).toBe(1)
    await until(async () => (await agent.scrape()).sum('bitcoin_blocks_total') === 100, 'all blocks to be closed', 20_000)
    const scrape = await agent.scrape()
    await stop(agent, 'SIGTERM')

    const last = receiver.pushes.at(-1) ?? new Map()
    expect(last.get(seriesKey('fibre_exporter_up', {}))).toBe(0)
    expect(last.get(seriesKey('bitcoin_blocks_connected_total', { node: 'localhost' }))).toBe(100)
    const scraped = scrape.samples
      .filter(({ name }) => name !== 'target_info')
      .map(({ name, labels, value }) => [seriesKey(name, labels), value] as const)
    expect([...last.keys()].toSorted()).toEqual(scraped.map(([series]) => series).toSorted())
    const lasting = scraped.filter(([series]) => !isOfTheMoment(series))
    expect(lasting.length).toBeGreaterThan(200)
    for (const [series, value] of lasting) expect(last.get(series), series).toBeCloseTo(value, 9)
  })

  it.for([
    ['is not there', closedPort],
    ['takes connections and never answers', silentPort],
  ] as const)('holds the end up for less than a second where the receiver %s', async ([, findPort]) => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({
      args: ['--bitcoind', bitcoind, '--otlp-endpoint', `http://127.0.0.1:${await findPort()}`],
    })
    await attached(node)
    const { code, stderr, ms } = await stop(agent, 'SIGTERM')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(ms).toBeLessThan(1_000)
    await expectFree(node)
  })
})

/** Of a server that takes connections and says nothing. */
async function silentPort(): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => {}))) // an agent that is killed resets it
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return await portOf(server)
}

/** Of no server any more. */
async function closedPort(): Promise<number> {
  const server = createServer()
  const port = await portOf(server)
  server.close()
  return port
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}
