import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, globSync, mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Finding } from '../../agent/commands/doctor/finding.ts'
import { attachable, startDemoNode } from '../demo-node/demo-node.ts'
import { bundle, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { mountMemory } from '../harness/mounted.ts'
import { need } from '../harness/needs.ts'
import { stage, startNode } from '../harness/stage.ts'
import { installAgent } from './installation.ts'
import { OtherTracer } from './other-tracer.ts'

beforeEach(requireBpf)

const agent = [process.execPath, bundle] as const
const quiet = ['--journal', 'none', '--port', '0', '--health-port', '0'] as const
const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'] as const
const withCapabilities = [...asNobody, '--inh-caps', '+bpf,+perfmon', '--ambient-caps', '+bpf,+perfmon'] as const

/** Runs doctor without blocking this process, which may listen to ports. */
async function doctor(args: readonly string[], command: readonly string[] = agent) {
  const [program = '', ...words] = [...command, 'doctor', '--json', ...args]
  const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(program, words, (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }))
  })
  if (!stdout.startsWith('{')) throw new Error(stderr)
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] }
  const told = (level: Finding['level']) => findings.filter((finding) => finding.level === level).map(({ what }) => what)
  return { code, findings, told }
}

async function takePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return { port, [Symbol.dispose]: () => void server.close() }
}

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

  it.each([['--pid', '4194304'], ['--no-wait']])('finds a fault where the agent would not wait for a node: %s', async (...flags) => {
    const { code, told } = await doctor([...quiet, '--bitcoind', '/nonexistent', ...flags])
    expect(told('fault').join('\n')).toContain('no process of these settings runs')
    expect(code).toBe(2)
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

  it('says that a binary has no tracepoints', async () => {
    const { path } = stage()
    copyFileSync('/bin/sleep', path('bitcoind'))
    await using node = await startSleep(path('bitcoind'))
    const { code, told } = await doctor([...quiet, '--bitcoind', path('bitcoind')])
    expect(node.pid).toBeGreaterThan(0)
    expect(told('fault')).toEqual(['localhost: its binary has none of the tracepoints'])
    expect(code).toBe(2)
  })

  it('says that another tracer holds the tracepoints', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using _other = new OtherTracer(node)
    const { code, findings } = await doctor([...quiet, '--bitcoind', bitcoind])
    const [fault] = findings.filter(({ level }) => level === 'fault')
    expect(fault?.what).toBe(`localhost: ${attachable.join(', ')} cannot be attached`)
    expect(fault?.why).toMatch(/^another tracer, such as fibre_exporter or a BCC script, holds it/)
    expect(code).toBe(2)
  })

  it('says that the bitcoind of another user is out of reach', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startDemoNode({ binary: bitcoind, args: ['--control'] })
    const { code, told } = await doctor([...quiet, '--bitcoind', bitcoind], [...withCapabilities, ...installAgent(path('agent'))])
    expect(told('fault').join()).toContain(`cannot read /proc/${node.pid}/exe (EACCES): run the agent as the user of bitcoind or as root`)
    expect(code).toBe(2)
  })

  it('tells of a process that has the tracepoints under another name', async () => {
    const { path, install } = stage()
    const binary = install('relay')
    await using node = await startNode(binary, path())
    const { findings } = await doctor(quiet)
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'note',
        what: `pid ${node.pid} runs ${binary} as root, which has the tracepoints`,
        todo: `to measure it: --bitcoind ${binary}`,
      }),
    )
  })

  it('tells a port that is taken from an agent that runs', async () => {
    using taken = await takePort()
    const { code, told } = await doctor(['--journal', 'none', '--port', `${taken.port}`, '--health-port', '0'])
    expect(told('fault')).toEqual([`127.0.0.1:${taken.port} is taken`])
    expect(code).toBe(2)
    await using running = await startAgentProcess({ args: ['--bitcoind', '/nonexistent'] })
    const healthPort = new URL(running.url('health')).port
    const again = await doctor(['--journal', 'none', '--port', '0', '--health-port', healthPort, '--bitcoind', '/nonexistent'])
    expect(again.told('note')).toContain(`127.0.0.1:${healthPort} is taken, and an agent of these settings runs`)
    expect(again.told('fault')).toEqual([])
  })

  it('says that the journal lies on a read-only file system', async (context) => {
    const memory = mountMemory(context)
    execFileSync('mount', ['-o', 'remount,ro', memory])
    const journal = join(memory, 'blocks.ndjson')
    const { code, told } = await doctor(['--journal', journal, '--port', '0', '--health-port', '0'])
    expect(told('warning')).toContain(`${journal} cannot be written: the file system is read-only`)
    expect(code).toBe(1)
  })

  it('says that Collector and webhook are down, without the secret part of their addresses', async () => {
    const { port } = await takePort().then((taken) => {
      taken[Symbol.dispose]()
      return taken
    })
    const address = `http://127.0.0.1:${port}`
    const { code, told, findings } = await doctor([...quiet, '--otlp-endpoint', address, '--alert-webhook-url', `${address}/token`])
    expect(told('warning')).toEqual(
      expect.arrayContaining([
        `the Collector at 127.0.0.1:${port} cannot be reached: ECONNREFUSED`,
        `the webhook at 127.0.0.1:${port} cannot be reached: ECONNREFUSED`,
      ]),
    )
    expect(JSON.stringify(findings)).not.toContain('token')
    expect(code).toBe(1)
  })
})

async function startSleep(binary: string) {
  const child = execFile(binary, ['60'])
  await once(child, 'spawn')
  return {
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit')
      child.kill()
      await exited
    },
  }
}
