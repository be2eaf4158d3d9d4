import { beforeEach, describe, expect, it } from 'vitest'
import type { DemoNode } from '../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, ended, readiness, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

/** Two data directories, nodes of one executable in them, and agents that remember names. */
function rehearsal() {
  const { path, folder, install } = stage()
  const bitcoind = install('bitcoind')
  const args = ['--bitcoind', bitcoind, '--node-name', 'real', '--journal', path('blocks.ndjson')]
  return {
    start: (directory: 'a' | 'b') => startNode(bitcoind, folder(directory)),
    agent: (...more: readonly string[]) => startAgentProcess({ args: [...args, ...more] }),
  }
}

/** Blocks of each node that is known, by its name. */
async function blocks(agent: AgentProcess): Promise<Record<string, number>> {
  const series = (await agent.scrape()).series('bitcoin_blocks_connected_total')
  return Object.fromEntries(series.map(({ labels, value }) => [labels.node, value]))
}

/** Stops the agent; names are written by then. */
async function stopped(agent: AgentProcess): Promise<void> {
  agent.kill()
  await agent.exited
}

/** Restarts a node while its agent runs. */
async function restarted(node: DemoNode, start: () => Promise<DemoNode>): Promise<DemoNode> {
  await ended(node)
  const next = await start()
  await attached(next)
  return next
}

describe('the names of two nodes', () => {
  it.each(['agent first', 'nodes first'])('are those of their data directories through every restart: %s', async (order) => {
    const { start, agent: startAgent } = rehearsal()
    let agent = order === 'agent first' ? await startAgent() : undefined
    let a = await start('a')
    if (agent) await attached(a)
    let b = await start('b')
    agent ??= await startAgent()
    await Promise.all([attached(a), attached(b)])
    await a.command('blocks 2')
    await b.command('blocks 3')
    expect(await blocks(agent)).toEqual({ real: 2, 'real/b': 3 })

    b = await restarted(b, () => start('b'))
    await b.command('blocks 1')
    a = await restarted(a, () => start('a'))
    await a.command('blocks 5')
    expect(await blocks(agent)).toEqual({ real: 7, 'real/b': 4 })

    await stopped(agent)
    await ended(a)
    agent = await startAgent() // b alone, which started before a does
    await attached(b)
    await b.command('blocks 1')
    expect(await blocks(agent)).toEqual({ 'real/b': 1 })
    a = await start('a')
    await attached(a)
    await a.command('blocks 2')
    expect(await blocks(agent)).toEqual({ real: 2, 'real/b': 1 })
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    await stopped(agent)
    await Promise.all([ended(a), ended(b)])
  })

  it.each(['agent first', 'nodes first'])('are the same, and there is no third, when both start at once: %s', async (order) => {
    const { start, agent: startAgent } = rehearsal()
    const early = order === 'agent first' ? await startAgent() : undefined
    const [a, b] = await Promise.all([start('a'), start('b')])
    await using agent = early ?? (await startAgent())
    await Promise.all([attached(a), attached(b)])
    await a.command('blocks 2')
    await b.command('blocks 3')
    expect(await blocks(agent)).toEqual({ real: 2, 'real/b': 3 })
    await Promise.all([ended(a), ended(b)])
  })

  it('leave a node that is down a reason, until it is back', async () => {
    const { start, agent: startAgent } = rehearsal()
    await using agent = await startAgent()
    const a = await start('a')
    await attached(a)
    const b = await start('b')
    await attached(b)
    await ended(a)
    await until(async () => (await readiness(agent)).status === 503, 'the agent not to be ready')
    expect((await readiness(agent)).text).toBe('real: bitcoind is not running\n')
    const status = (await (await fetch(`${agent.url('metrics')}/api/v1/status`)).json()) as { reasons: string[] }
    expect(status.reasons).toEqual(['real: bitcoind is not running'])
    const again = await start('a')
    await attached(again)
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    await Promise.all([ended(again), ended(b)])
  })

  it('end with their series when the node was forgotten, and start at 0 if it comes back', async () => {
    const { start, agent: startAgent } = rehearsal()
    await using agent = await startAgent('--forget-after', '1s')
    const a = await start('a')
    await attached(a)
    let b = await start('b')
    await attached(b)
    await b.command('blocks 3')
    expect(await blocks(agent)).toEqual({ real: 0, 'real/b': 3 })
    await ended(b)
    await agent.logged(({ node, msg }) => node === 'real/b' && msg.startsWith('this node ended long ago'))
    const nodesOf = async () => new Set((await agent.scrape()).samples.flatMap(({ labels }) => labels.node ?? []))
    expect(await nodesOf()).toEqual(new Set(['real']))
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    b = await start('b')
    await attached(b)
    await b.command('blocks 1')
    expect(await blocks(agent)).toEqual({ real: 0, 'real/b': 1 })
    await Promise.all([ended(a), ended(b)])
  })
})

it('a named node that is down at the start has its series, and is a reason', async () => {
  const { start, agent: startAgent } = rehearsal()
  await using agent = await startAgent('--node', 'west=/srv/west')
  const a = await start('a')
  await attached(a)
  expect((await agent.scrape()).value('fibre_exporter_target_up', { node: 'west' })).toBe(0)
  expect(await blocks(agent)).toEqual({ real: 0, west: 0 })
  expect((await readiness(agent)).text).toContain('west: ')
  await ended(a)
})

it('two chains in one data directory that cannot be told apart are not taken for one node', async () => {
  const { start, agent: startAgent } = rehearsal()
  const main = await start('a')
  const other = await start('a')
  await using agent = await startAgent()
  await attached(main)
  const refused = `pid ${other.pid} `
  expect((await readiness(agent)).text).toContain(refused)
  await ended(main)
  await agent.logged(({ msg }) => msg.startsWith('bitcoind ended'))
  const again = await start('a')
  await attached(again)
  await again.command('blocks 2')
  expect(await other.command('wait 1 0')).toMatchObject({ attached: false })
  expect(await blocks(agent)).toEqual({ real: 2 })
  expect((await readiness(agent)).text).toContain(refused)
  await Promise.all([ended(again), ended(other)])
})
