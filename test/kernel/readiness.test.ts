import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { LOST_FIBRE } from '../../agent/nodes/readiness.ts'
import { compileDemoNode } from '../demo-node/compile.ts'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { Listener, requireBpf } from '../harness/listening.ts'
import { attached, readiness, readinessJson, stage, startNode } from '../harness/stage.ts'

beforeEach(requireBpf)

/** Undoes the kernel's work for tracers: the node believes that nobody listens to the probe. */
function clearSemaphore(pid: number, executable: string, name: string): void {
  const symbol = execFileSync('nm', [executable], { encoding: 'utf8' }).match(new RegExp(`^(\\w+) . ${name}_semaphore$`, 'm'))
  const base = readFileSync(`/proc/${pid}/maps`, 'latin1').split('-', 1)[0]
  const memory = openSync(`/proc/${pid}/mem`, 'r+')
  writeSync(memory, new Uint8Array(2), 0, 2, Number(`0x${base}`) + Number(`0x${symbol?.[1]}`))
  closeSync(memory)
}

it('the agent is ready for a node that an update made a stock node, measures it, and warns of that until FIBRE is back', async () => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  const fibre = install('fibre')
  const stock = compileDemoNode(path('stock'), '-DSTOCK')
  await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
  const warnings = async () => {
    const { status, body } = await readinessJson(agent)
    return [status, body.warnings]
  }
  const run = async (program: string) => {
    renameSync(program, bitcoind)
    const node = await startNode(bitcoind, path())
    await agent.logged(({ msg, pid }) => msg === 'attached to bitcoind' && pid === node.pid)
    return node
  }
  const lost = `localhost: ${LOST_FIBRE}`
  {
    await using _node = await run(bitcoind)
    expect(await warnings()).toEqual([200, []])
  }
  {
    await using node = await run(stock)
    expect(await warnings()).toEqual([200, [lost]])
    await node.command('blocks 3')
    const scrape = await agent.scrape()
    expect(scrape.value('bitcoin_blocks_connected_total')).toBe(3)
    expect(scrape.series('fibre_exporter_probe_attached', { provider: 'udp' })).toEqual([])
  }
  {
    await using _node = await run(fibre)
    expect(await warnings()).toEqual([200, []])
  }
  expect(agent.log.filter(({ msg }) => msg === LOST_FIBRE)).toHaveLength(1)
})

describe('the agent is not ready', () => {
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
