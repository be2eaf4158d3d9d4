import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { bundle } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { mountMemory } from '../harness/mounted.ts'
import { need } from '../harness/needs.ts'
import { compileDenied, stage, startNode } from '../harness/stage.ts'
import { installAgent } from './installation.ts'
import { OtherTracer } from './other-tracer.ts'
import { agent, asNobody, doctor, quiet, withCapabilities } from './run-doctor.ts'

beforeEach(requireBpf)

describe('doctor', () => {
  it('finds nothing wrong with a node that can be measured, and leaves nothing attached', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoin-node')
    await using node = await startNode(bitcoind, path())
    const { code, told } = await doctor([...quiet, '--bitcoind', bitcoind])
    expect([...told('fault'), ...told('warning')]).toEqual([])
    expect(code).toBe(0)
    expect(told('ok').join('\n')).toContain(`pid ${node.pid} is node localhost: ${bitcoind} of root`)
    expect(told('ok').join('\n')).toMatch(/localhost: (\d+) of \1 tracepoints can be attached/)
    await using other = new OtherTracer(node) // would be refused if the agent's were still there
    expect(other).toBeDefined()
  })

  it('says in plain text that no node runs', () => {
    const { status, stdout } = spawnSync(process.execPath, [bundle, 'doctor', ...quiet, '--bitcoind', '/nonexistent'], { encoding: 'utf8' })
    expect(stdout).toMatch(/ {2}warning {2}no process of these settings runs\n {11}why: the agent would wait for one\n/)
    expect(stdout).not.toContain('\u001b')
    expect(status).toBe(1)
  })

  it('names missing capabilities', async () => {
    const { code, told } = await doctor(quiet, [...asNobody, ...installAgent(stage().path('agent'))])
    expect(told('fault')).toEqual(
      expect.arrayContaining(['missing capabilities: CAP_BPF, CAP_PERFMON', 'the kernel program cannot be loaded']),
    )
    expect(code).toBe(2)
  })

  it('names a missing libbpf', async (context) => {
    const [library] = globSync(['/usr/lib/*/libbpf.so.1', '/usr/lib64/libbpf.so.1'])
    need(context, library !== undefined, 'libbpf.so.1 is not where distributions put it')
    const libraries = dirname(library as string)
    const memory = mountMemory(context, '1m')
    for (const folder of ['upper', 'work']) mkdirSync(join(memory, folder))
    execFileSync('mknod', [join(memory, 'upper', 'libbpf.so.1'), 'c', '0', '0'])
    const script = `mount -t overlay -o lowerdir=${libraries},upperdir=${memory}/upper,workdir=${memory}/work overlay ${libraries} && exec "$@"`
    const { code, findings } = await doctor(quiet, ['unshare', '--mount', 'sh', '-c', script, 'sh', ...agent])
    expect(findings.find(({ area }) => area === 'libraries')).toMatchObject({
      level: 'fault',
      why: expect.stringMatching(/^libbpf\.so\.1 .* install the package libbpf1/),
    })
    expect(code).toBe(2)
  })

  it('names a missing koffi', async () => {
    const folder = stage().path('agent')
    const command = installAgent(folder)
    rmSync(join(folder, 'node_modules'), { recursive: true })
    const { code, findings } = await doctor(quiet, command)
    expect(findings.find(({ area }) => area === 'libraries')).toMatchObject({
      level: 'fault',
      why: expect.stringMatching(/^koffi, .* cannot be loaded \(Cannot find module 'koffi'\): install /),
    })
    expect(code).toBe(2)
  })

  it('names a missing kernel program', async () => {
    const folder = stage().path('agent')
    const command = installAgent(folder)
    rmSync(join(folder, 'usdt.bpf.o'))
    const { findings } = await doctor(quiet, command)
    expect(findings.find(({ area }) => area === 'libraries')).toMatchObject({
      level: 'fault',
      why: expect.stringMatching(/^the kernel program .* does not exist; it belongs beside the agent: install both anew$/),
    })
  })

  it('names a seccomp filter', async () => {
    const { path } = stage()
    const denied = compileDenied(path('denied'), ['bpf'])
    const { code, findings, told } = await doctor(quiet, [denied, ...installAgent(path('agent'))])
    expect(told('note')).toContain('a seccomp filter looks at the system calls of this process')
    expect(findings.find(({ area }) => area === 'libraries')).toMatchObject({
      level: 'fault',
      why: expect.stringMatching(/^the kernel refuses eBPF: a seccomp filter looks at the system calls of this process/),
    })
    expect(code).toBe(2)
  })

  it('names a user namespace', async () => {
    const command = ['unshare', '--user', '--map-root-user', ...installAgent(stage().path('agent'))]
    const { code, told } = await doctor(quiet, command)
    expect(told('fault')).toContain('this process is in a user namespace')
    expect(code).toBe(2)
  })

  it('warns of perf_event_paranoid 3 where the kernel attaches through perf events', async (context) => {
    const { path } = stage()
    writeFileSync(path('paranoid'), '3\n')
    const script = `mount --bind ${path('paranoid')} /proc/sys/kernel/perf_event_paranoid && exec "$@"`
    const paranoid = ['unshare', '--mount', 'sh', '-c', script, 'sh']
    need(context, spawnSync('unshare', [...paranoid.slice(1), 'true']).status === 0, 'it takes root that may mount files')
    const command = [...withCapabilities, ...installAgent(path('agent'))]
    const withLinks = await doctor(quiet, [...paranoid, ...command])
    expect(withLinks.told('ok')).toContain('kernel.perf_event_paranoid is 3')

    const withoutLinks = compileDenied(path('without-links'), ['bpf'], 'EINVAL', BPF_LINK_CREATE)
    const { code, findings } = await doctor(quiet, [...paranoid, withoutLinks, ...command])
    expect(findings).toContainEqual({
      area: 'kernel',
      level: 'warning',
      what: 'kernel.perf_event_paranoid is 3',
      why: expect.stringContaining('perf events'),
      todo: 'sysctl kernel.perf_event_paranoid=2, or give the process CAP_SYS_ADMIN',
    })
    expect(code).toBe(1)
  })
})

const BPF_LINK_CREATE = 28
