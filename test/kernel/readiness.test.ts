import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { compileDemoNode } from '../demo-node/compile.ts'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { Listener, requireBpf } from '../harness/listening.ts'
import { attached, readiness, stage, startNode } from '../harness/stage.ts'

beforeEach(requireBpf)

/** Undoes the kernel's work for tracers: the node believes that nobody listens to the probe. */
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
    const bitcoind = compileDemoNode(path('bitcoind'), '-DSTOCK')
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
})

describe('events that have not been read', () => {
  const pause = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)

  it('are known by how long they have been waiting', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener()
    const { source } = listener
    listener.attach(node)
    expect(source.backlogSeconds()).toBe(0)
    const answer = node.command('blocks 1')
    // This process reads nothing as long as it does not return to its event loop.
    const deadline = performance.now() + 10_000
    while (source.backlogSeconds() === 0 && performance.now() < deadline) pause()
    const start = performance.now()
    while (source.backlogSeconds() < 0.5 && performance.now() < deadline) pause()
    expect(performance.now() - start).toBeGreaterThan(400)
    expect(performance.now() - start).toBeLessThan(1_000)
    await answer
    source.drain()
    expect(source.backlogSeconds()).toBe(0)
  })
})
