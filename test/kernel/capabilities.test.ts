import { readdirSync, readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, compileDenied, ended, readiness, readinessJson, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { installAgent } from './installation.ts'

beforeEach(requireBpf)

const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] as const
const withCapabilities = [...asNobody, '--inh-caps', '+bpf,+perfmon', '--ambient-caps', '+bpf,+perfmon'] as const
const GIVEN_UP = 'capabilities given up; when bitcoind is restarted, restart the agent, too'
const BPF_AND_PERFMON = (1n << 38n) | (1n << 39n)
const SYS_PTRACE = 1n << 19n

/** What each thread has, each value once. */
function ofThreads({ pid }: AgentProcess) {
  const statuses = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))
  const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'] as const
  const values = sets.map((set) => statuses.map((status) => BigInt(`0x${new RegExp(`^${set}:\\s+(\\w+)$`, 'm').exec(status)?.[1]}`)))
  return {
    threads: statuses.length,
    ...Object.fromEntries(sets.map((set, i) => [set, [...new Set(values[i])]])),
    noNewPrivileges: statuses.every((status) => /^NoNewPrivs:\s+1$/m.test(status)),
  }
}

/** As the bundle starts itself. */
function started(folder: string): readonly [string, ...string[]] {
  const [node, file] = installAgent(folder)
  return [node, '--disable-sigusr1', file]
}

const NONE = { CapInh: [0n], CapPrm: [0n], CapEff: [0n], CapAmb: [0n], noNewPrivileges: true }

describe('--drop-capabilities', { timeout: 60_000 }, () => {
  it('leaves no thread any of them once the node is attached, measures on, and says what a restart of the node takes', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const startOwn = () => startDemoNode({ binary: asNobody[0], args: [...asNobody.slice(1), bitcoind, '--control'] })
    await using agent = await startAgentProcess({
      command: [...withCapabilities, ...started(path('agent'))],
      args: ['--bitcoind', bitcoind, '--drop-capabilities'],
    })
    expect(ofThreads(agent)).toMatchObject({ CapPrm: [BPF_AND_PERFMON], CapAmb: [BPF_AND_PERFMON] })
    await using node = await startOwn()
    await attached(node)
    expect(await agent.logged(({ msg }) => msg === GIVEN_UP)).toMatchObject({ level: 'info', kept: [] })
    expect(ofThreads(agent)).toMatchObject(NONE)
    expect(ofThreads(agent).threads).toBeGreaterThan(5)

    await node.command('blocks 20')
    const measured = await agent.scrape()
    expect(measured.value('bitcoin_blocks_connected_total')).toBe(20)
    expect(measured.value('fibre_exporter_map_entries', { map: 'specs' })).toBeGreaterThan(0)
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })

    expect(await ended(node)).toEqual({ code: 0, signal: null })
    await using _next = await startOwn()
    const told = 'the agent has given up its capabilities (--drop-capabilities): restart it, and it attaches again'
    expect(await agent.logged(({ msg }) => msg === 'cannot attach to bitcoind')).toMatchObject({ level: 'error', reason: told })
    expect(await readiness(agent)).toMatchObject({ status: 503, text: expect.stringContaining(told) })
    const page = await agent.scrape()
    expect([page.value('fibre_exporter_target_up'), page.value('fibre_exporter_probes_attached')]).toEqual([1, 0])
    expect(page.sum('fibre_exporter_probe_attached')).toBe(0)
    expect(page.value('bitcoin_blocks_connected_total')).toBe(20)
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
  })

  it('leaves root CAP_SYS_PTRACE, with which it reads processes of other users', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startDemoNode({ binary: asNobody[0], args: [...asNobody.slice(1), bitcoind, '--control'] })
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--drop-capabilities', '--journal', path('blocks')] })
    await attached(node)
    expect(await agent.logged(({ msg }) => msg === GIVEN_UP)).toMatchObject({ kept: ['CAP_SYS_PTRACE'] })
    expect(ofThreads(agent)).toMatchObject({ CapInh: [0n], CapPrm: [SYS_PTRACE], CapEff: [SYS_PTRACE], noNewPrivileges: true })
    await node.command('blocks 5')
    await until(() => readFileSync(path('blocks'), 'utf8').split('\n').length === 6, 'the journal to have the blocks')
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    expect(await ended(node)).toEqual({ code: 0, signal: null })
  })

  it('that a seccomp filter refuses is told, and all else goes on', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({
      command: [compileDenied(path('denied'), ['capset']), ...started(path('agent'))],
      args: ['--bitcoind', bitcoind, '--drop-capabilities'],
    })
    await attached(node)
    expect(await agent.logged(({ msg }) => msg === 'cannot give up capabilities')).toMatchObject({
      level: 'error',
      reason: 'capset: Operation not permitted',
    })
    expect(JSON.stringify((await readinessJson(agent)).body)).toContain('Capabilities cannot be given up: capset')
    expect(await ended(node)).toEqual({ code: 0, signal: null })
    await using next = await startNode(bitcoind, path())
    await attached(next)
  })
})

it('a thread that keeps capabilities is told of, and how to start the agent without it', { timeout: 60_000 }, async () => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  await using node = await startNode(bitcoind, path())
  await using agent = await startAgentProcess({
    command: installAgent(path('agent')), // Node.js has its thread for SIGUSR1
    args: ['--bitcoind', bitcoind, '--drop-capabilities'],
  })
  await attached(node)
  expect(await agent.logged(({ msg }) => msg === 'cannot give up capabilities')).toMatchObject({
    reason: expect.stringContaining('start fibre-agent itself, or node with --disable-sigusr1'),
  })
  expect(ofThreads(agent)).toMatchObject({ CapPrm: expect.arrayContaining([SYS_PTRACE]), noNewPrivileges: false })
})

describe('an agent that runs as root', () => {
  const warnings = async (command: readonly string[]) => {
    const [program, ...words] = [...command, ...installAgent(stage().path('agent'))]
    await using agent = await startAgentProcess({ command: [program as string, ...words] })
    return agent.log.filter(({ msg }) => msg.includes('as root')).map(({ level, msg }) => `${level}: ${msg}`)
  }

  it('is told which unit gives it just the rights that it takes', async () => {
    expect(await warnings([])).toEqual([
      'warn: running as root, with rights that measuring does not take (CAP_BPF and CAP_PERFMON are enough here, as the user of bitcoind): ' +
        'the unit fibre-agent.service starts the agent with no others',
    ])
  })

  it('is not in a container, whose root lacks most of them, nor as another user', async () => {
    expect(await warnings(['setpriv', '--bounding-set', '-sys_module'])).toEqual([])
    expect(await warnings(withCapabilities)).toEqual([])
  })
})
