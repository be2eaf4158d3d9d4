import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ProbeState } from '../../agent/sources/source.ts'
import { attachable, startDemoNode } from '../demo-node/demo-node.ts'
import { type AgentProcessOptions, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { seriesKey, startOtlpReceiver } from '../harness/otlp.ts'
import { attached, compileDenied, ended, readiness, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { installAgent } from './installation.ts'

beforeEach(requireBpf)

const NOBODY = '65534'
const asNobody = ['setpriv', '--reuid', NOBODY, '--regid', NOBODY, '--clear-groups'] as const
const withCapabilities = [...asNobody, '--inh-caps', '+bpf,+perfmon', '--ambient-caps', '+bpf,+perfmon'] as const

/** Starts a copy of the agent that anybody may run. */
const startAs = (user: readonly [string, ...string[]], folder: string, options: AgentProcessOptions) =>
  startAgentProcess({ ...options, command: [...user, ...installAgent(folder)] })

describe('a user without privileges', () => {
  it('is told which ones it takes', async () => {
    await using agent = await startAs(asNobody, stage().path('agent'), { untilListening: false })
    const { code, stderr } = await agent.exited
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^fibre-agent: the kernel refuses eBPF: missing capabilities: CAP_BPF, CAP_PERFMON .*: run as root, or give the process CAP_BPF/,
    )
  })

  it('is told which files it may not read', async () => {
    const { path } = stage()
    for (const file of ['password', 'node.crt', 'node.key']) writeFileSync(path(file), 'secret', { mode: 0o600 })
    const args = ['--metrics-auth-username', 'me', '--metrics-auth-password-file', path('password')]
    await using agent = await startAs(asNobody, path('agent'), {
      args: [...args, '--tls-cert', path('node.crt'), '--tls-key', path('node.key')],
      untilListening: false,
    })
    const { code, stderr } = await agent.exited
    expect(code).toBe(2)
    for (const file of ['password', 'node.crt', 'node.key']) expect(stderr).toContain(path(file))
  })
})

describe('a user with CAP_BPF and CAP_PERFMON and no more', () => {
  it('measures a bitcoind of its own by one link for all tracepoints', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startDemoNode({ binary: asNobody[0], args: [...asNobody.slice(1), bitcoind, '--control'] })
    await using agent = await startAs(withCapabilities, path('agent'), { args: ['--bitcoind', bitcoind, '--log-level', 'DEBUG'] })
    await attached(node)
    expect(await agent.logged(({ msg }) => msg === 'attached')).toMatchObject({ form: { multi: true, sleepable: true } })
    await node.command('blocks 20')
    const scrape = await agent.scrape()
    expect(scrape.value('bitcoin_blocks_connected_total')).toBe(20)
    expect(scrape.sum('fibre_exporter_field_errors_total')).toBe(0)
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
    expect(await ended(node)).toEqual({ code: 0, signal: null })
  })

  it('is told that perf events, which older kernels attach through, also take CAP_SYS_ADMIN', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    const script = join(import.meta.dirname, 'attach-by-perf.ts')
    const output = execFileSync('setpriv', ['--bounding-set=-sys_admin', process.execPath, script, String(node.pid)], { encoding: 'utf8' })
    const states = (JSON.parse(output) as readonly ProbeState[]).filter(({ offered }) => offered)
    expect(states).toHaveLength(attachable.length)
    for (const { attached, reason } of states) {
      expect(attached).toBe(false)
      expect(reason).toContain(`Linux ${release()} attaches through perf events, which also take CAP_SYS_ADMIN`)
    }
  })

  it('is told that the bitcoind of another user is out of reach', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startDemoNode({ binary: bitcoind, args: ['--control'] })
    await using agent = await startAs(withCapabilities, path('agent'), { args: ['--bitcoind', bitcoind] })
    expect((await agent.logged(({ pid }) => pid === node.pid)).msg).toBe(
      `cannot read /proc/${node.pid}/exe (EACCES): run the agent as the user of bitcoind or as root, or leave this one out with --users`,
    )
    expect((await readiness(agent)).status).toBe(503)
  })
})

describe('an agent that the kernel refuses', () => {
  const reasonOf = async (command: readonly [string, ...string[]]) => {
    await using agent = await startAgentProcess({ command, untilListening: false })
    const { code, stderr } = await agent.exited
    return { code, stderr }
  }

  it.each<[error: string, reason: RegExp]>([
    ['EPERM', /^fibre-agent: the kernel refuses eBPF: a seccomp filter .*it has to allow bpf and perf_event_open/],
    ['ENOSYS', /^fibre-agent: the kernel refuses eBPF: a seccomp filter/],
    ['ENOMEM', /^fibre-agent: no memory for a ring buffer of 4 MiB: choose a smaller --ring-size/],
    ['EMFILE', /^fibre-agent: too many open files: this process may have \d+; raise the limit/],
    ['EINVAL', /^fibre-agent: Linux \S+ does not take the eBPF program \(load BPF object: Invalid argument/],
  ])('says why: %s', async (error, reason) => {
    const { path } = stage()
    const denied = compileDenied(path('denied'), ['bpf'], error)
    const { code, stderr } = await reasonOf([denied, ...installAgent(path('agent'))])
    expect(stderr).toMatch(reason)
    if (stderr.includes('Linux ')) expect(stderr).toContain(`Linux ${release()} `)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(code).toBe(1)
  })

  it('says that the root of a user namespace is none', async () => {
    const command = ['unshare', '--user', '--map-root-user', ...installAgent(stage().path('agent'))] as const
    expect((await reasonOf(command)).stderr).toMatch(
      /^fibre-agent: the kernel refuses eBPF: this process is in a user namespace.*: run outside of it/,
    )
  })
})

describe('an agent that may not ask for the state of the clock', () => {
  it('serves and pushes all but that one gauge, and says so once', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const { url, pushes } = await startOtlpReceiver()
    const withoutClock = compileDenied(path('without-clock'), ['adjtimex', 'clock_adjtime'])
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({
      command: [withoutClock, ...installAgent(path('agent'))],
      args: ['--bitcoind', bitcoind, '--otlp-endpoint', url, '--otlp-interval', '0.2'],
    })
    await attached(node)
    const { samples } = await agent.scrape()
    const names = new Set(samples.map(({ name }) => name))
    expect(names).toContain('process_open_fds')
    expect(names).not.toContain('fibre_exporter_clock_error_seconds')
    await until(() => pushes.at(-1)?.has(seriesKey('process_open_fds', {})) ?? false, 'a push with what is known of the process')
    const told = agent.log.filter(({ metric }) => metric === 'fibre_exporter_clock_error_seconds')
    expect(told.map(({ level, msg }) => `${level}: ${msg}`)).toEqual(['warn: cannot be read here; the metric is left out'])
    expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
  })
})
