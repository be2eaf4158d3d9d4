import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { startAgentProcess } from '../agent.ts'
import { until } from '../until.ts'
import { idleConnection } from './connections.ts'
import { requireBpf } from './listening.ts'
import { attached, compileDemoNode, readiness, stage, startNode } from './stage.ts'

beforeEach(requireBpf)

/** What the kernel does for tracers, undone: the node believes that nobody listens to the probe. */
function clearSemaphore(pid: number, executable: string, name: string): void {
  const symbol = execFileSync('nm', [executable], { encoding: 'utf8' }).match(new RegExp(`^(\\w+) . ${name}_semaphore$`, 'm'))
  const base = readFileSync(`/proc/${pid}/maps`, 'latin1').split('-', 1)[0]
  const memory = openSync(`/proc/${pid}/mem`, 'r+')
  writeSync(memory, new Uint8Array(2), 0, 2, Number(`0x${base}`) + Number(`0x${symbol?.[1]}`))
  closeSync(memory)
}

describe('the agent is not ready', () => {
  it('when the node lacks tracepoints that every FIBRE node has, and measures the others', async () => {
    const { path } = stage()
    const bitcoind = compileDemoNode('NO_UDP', path('bitcoind'))
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await attached(node, 1)
    const { status, text } = await readiness(agent)
    expect(status).toBe(503)
    expect(text.split('\n').slice(0, -1)).toEqual(
      ['block_reconstructed', 'block_send_start', 'block_race_winner', 'block_race_time'].map(
        (name) => `localhost: udp:${name} is not attached: this build of bitcoind does not have it`,
      ),
    )
    await node.command('blocks 3')
    const scrape = await agent.scrape()
    expect(scrape.value('bitcoin_blocks_connected_total')).toBe(3)
    expect(scrape.value('fibre_exporter_probe_attached', { probe: 'block_race_time' })).toBe(0)
  })

  it('when the semaphore of a tracepoint is 0, so that it cannot fire', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await attached(node)
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    clearSemaphore(node.pid, bitcoind, 'udp_block_race_time')
    expect(await node.command('semaphores')).toMatchObject({ 'udp:block_race_time': 0, 'udp:block_race_winner': 1 })
    expect(await readiness(agent)).toEqual({
      status: 503,
      text: 'localhost: udp:block_race_time is attached but its semaphore is 0: it will not fire\n',
    })
  })

  it('when events have been waiting for more than 5 s', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await attached(node)
    const connection = await idleConnection(`${agent.url('health')}/ready`)
    // What becomes readable first is looked at first when the agent goes on: the question, and only then the events.
    agent.kill('SIGSTOP')
    connection.write('GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await node.command('blocks 1')
    const firedAt = performance.now()
    await until(() => performance.now() - firedAt > 5_100, 'the events to be old enough')
    agent.kill('SIGCONT')
    const [answer] = await once(connection, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1.1 503 /)
    expect(String(answer)).toMatch(/events have been waiting to be read for 5 s: the agent has too little CPU time\n$/)
    await until(async () => (await readiness(agent)).status === 200, 'the agent to have caught up')
    expect((await agent.scrape()).value('bitcoin_blocks_connected_total')).toBe(1)
  })
})
