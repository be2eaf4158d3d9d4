import { chownSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { complaints, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { attached, readiness, readinessJson, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

describe('without a bitcoind, the agent', () => {
  it('waits with all series at 0, is not ready and says why, and measures one from its start', async () => {
    const { path, install } = stage()
    const bitcoind = path('bitcoind')
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    expect(await readiness(agent)).toEqual({ status: 503, text: `${bitcoind} does not exist\n` })
    expect((await fetch(`${agent.url('health')}/health`)).status).toBe(200)
    const counters = (await agent.scrape()).samples.filter(
      ({ name, labels }) => 'node' in labels && /_(total|count|sum|bucket)$/.test(name),
    )
    expect(counters.length).toBeGreaterThan(200)
    expect(counters.filter(({ labels, value }) => labels.node !== 'localhost' || value !== 0)).toEqual([])

    install('bitcoind')
    const start = performance.now()
    await using node = await startNode(bitcoind, path())
    await attached(node)
    expect(performance.now() - start).toBeLessThan(2_000)
    await node.command('blocks 2')
    expect((await agent.scrape()).value('bitcoin_blocks_connected_total', { node: 'localhost' })).toBe(2)
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
  })

  it('waits for the process of a pid only with --wait: no other can become it', async () => {
    const none = 'there is no process 4194304; a bitcoind that is started again has another pid: name it with --bitcoind or --node instead'
    await using agent = await startAgentProcess({ args: ['--pid', '4194304'], untilListening: false })
    expect(await agent.exited).toMatchObject({ code: 1, stderr: `fibre-agent: ${none}; --wait waits all the same\n` })
    await using waiting = await startAgentProcess({ args: ['--pid', '4194304', '--wait'] })
    expect(await readiness(waiting)).toEqual({ status: 503, text: `${none}\n` })
    expect(waiting.log.filter(({ msg }) => msg === none)).toHaveLength(1)
  })

  it('says once that the process of a pid has ended, and that no other can become it', async () => {
    const { path, install } = stage()
    const node = await startNode(install('bitcoind'), path())
    await using agent = await startAgentProcess({ args: ['--pid', `${node.pid}`] })
    await attached(node)
    node.kill('SIGKILL')
    const ended = await agent.logged(({ msg }) => msg.startsWith(`there is no process ${node.pid}; `))
    expect(await readiness(agent)).toEqual({ status: 503, text: `localhost: bitcoind is not running\n${ended.msg}\n` })
    await until(() => agent.scrape().then((scrape) => scrape.value('fibre_exporter_target_up', { node: 'localhost' }) === 0), 'the end')
    expect(agent.log.filter(({ msg }) => msg === ended.msg)).toHaveLength(1)
  })

  it('ends with a fault when it is told not to wait', async () => {
    const bitcoind = stage().path('bitcoind')
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--no-wait'], untilListening: false })
    expect(await agent.exited).toMatchObject({ code: 1, stderr: `fibre-agent: ${bitcoind} does not exist\n` })
  })
})

describe('processes of several users', () => {
  it('are measured and told of, unless --users says whose are wanted', async (context) => {
    need(context, process.getuid?.() === 0, 'needs root to become another user')
    const { folder, install } = stage()
    const bitcoind = install('bitcoind')
    chownSync(folder('b'), 65534, 65534)
    const others = ['--reuid', '65534', '--clear-groups', bitcoind, '--control', '--datadir', folder('b')]
    await using node = await startNode(bitcoind, folder('a'))
    await using other = await startDemoNode({ binary: 'setpriv', args: others })
    const named = ['--node', `mine=${folder('a')}`, '--bitcoind', bitcoind]
    await using agent = await startAgentProcess({ args: named })
    await Promise.all([attached(node), attached(other)])
    const { body } = await readinessJson(agent)
    const warning = expect.stringMatching(/^Nodes of several users are measured: root \(mine\); \w+ \(localhost\)\. .*--users/)
    expect(body).toMatchObject({ status: 'ok', warnings: [warning] })
    expect(await (await fetch(`${agent.url('metrics')}/api/v1/status`)).json()).toMatchObject({ warnings: [warning] })
    expect(agent.log).toContainEqual(expect.objectContaining({ level: 'warn', msg: warning }))

    await using strict = await startAgentProcess({ args: [...named, '--users', 'root'] })
    const scrape = await strict.scrape()
    expect([scrape.value('fibre_exporter_target_up', { node: 'mine' }), scrape.value('fibre_exporter_targets')]).toEqual([1, 1])
    expect(strict.log.filter(({ msg }) => msg.includes('several users'))).toEqual([])
  })
})

describe('the bitcoind that is measured', () => {
  it('is any process of that name when none is given', async () => {
    const { path, install } = stage()
    await using node = await startNode(install('bin', 'bitcoind'), path())
    await using agent = await startAgentProcess()
    await agent.logged(({ msg, pid }) => msg === 'attached to bitcoind' && pid === node.pid)
  })

  it('is the process that --pid names and no other of the same executable', async () => {
    const { folder, install } = stage()
    const bitcoind = install('bitcoind')
    await using other = await startNode(bitcoind, folder('other'))
    await using node = await startNode(bitcoind, folder('wanted'))
    await using agent = await startAgentProcess({ args: ['--pid', `${node.pid}`] })
    await attached(node)
    expect(await other.command('wait 1 0')).toMatchObject({ attached: false })
    await node.command('blocks 4')
    expect((await agent.scrape()).value('bitcoin_blocks_connected_total', { node: 'localhost' })).toBe(4)
  })

  it('is never the agent itself', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using agent = await startAgentProcess({ args: ['--bitcoind', process.execPath, '--node', `other=${bitcoind}`] })
    await using node = await startNode(bitcoind, path())
    await attached(node) // so the agent has looked at all processes
    expect((await agent.scrape()).value('fibre_exporter_targets')).toBe(1)
    expect(agent.log.filter(({ msg }) => msg.startsWith('nothing to measure'))).toEqual([])
  })

  it('may have its executable in another mount namespace', async () => {
    const { path, folder, install } = stage()
    const hidden = folder('hidden')
    const script = 'mount -t tmpfs none "$1" && cp "$2" "$1/bitcoind" && shift 2 && exec "$0" "$@"'
    const words = [`${hidden}/bitcoind`, hidden, install('original'), '--control', '--datadir', path()]
    await using node = await startDemoNode({ binary: 'unshare', args: ['--mount', 'sh', '-c', script, ...words] })
    await using agent = await startAgentProcess({ args: ['--bitcoind', `${hidden}/bitcoind`] })
    await attached(node)
    await node.command('blocks 6')
    const scrape = await agent.scrape()
    expect(scrape.value('bitcoin_blocks_connected_total', { node: 'localhost' })).toBe(6)
    expect(complaints(agent.log)).toEqual([])
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
  })
})
