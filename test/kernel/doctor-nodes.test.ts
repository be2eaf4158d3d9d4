import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { readNotes } from '../../agent/sources/ebpf/binary/notes.ts'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import { attachedByDefault, startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { startBpftrace } from '../harness/bpftrace.ts'
import { formName, Listener, requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { stage, startNode } from '../harness/stage.ts'
import { installAgent } from './installation.ts'
import { OtherTracer } from './other-tracer.ts'
import { agent, asNobody, doctor, quiet, withCapabilities } from './run-doctor.ts'

beforeEach(requireBpf)

/** Runs a node as nobody. */
const nodeOfNobody = (binary: string) => startDemoNode({ binary: 'setpriv', args: [...asNobody.slice(1), binary, '--control'] })

describe('doctor, of processes,', () => {
  it.each([['--pid', '4194304'], ['--no-wait']])('finds a fault where the agent would not wait for a node: %s', async (...flags) => {
    const { code, told } = await doctor([...quiet, '--bitcoind', '/nonexistent', ...flags])
    expect(told('fault').join('\n')).toContain('no process of these settings runs')
    expect(code).toBe(2)
  })

  it('says that a path is wrong', async () => {
    const { code, told } = await doctor([...quiet, '--bitcoind', '/nonexistent'])
    expect(told('warning')).toContain('/nonexistent does not exist')
    expect(code).toBe(1)
    const { path } = stage()
    copyFileSync('/bin/sleep', path('bitcoin'))
    const starter = await doctor([...quiet, '--bitcoind', path('bitcoin')])
    expect(starter.told('warning')[0]).toMatch(/^.*\/bitcoin only starts bitcoind or bitcoin-node, and then is gone/)
  })

  it('says that only those of its PID namespace are seen', async () => {
    const { told } = await doctor([...quiet, '--bitcoind', '/nonexistent'], ['unshare', '--mount-proc', '--pid', '--fork', ...agent])
    expect(told('note')).toContain('only the processes of a PID namespace are seen')
  })

  it('says that a binary has no tracepoints', async () => {
    const { path } = stage()
    copyFileSync('/bin/sleep', path('bitcoind'))
    await using node = await startProgram(path('bitcoind'), ['60'])
    const { code, told } = await doctor([...quiet, '--bitcoind', path('bitcoind')])
    expect(node.pid).toBeGreaterThan(0)
    expect(told('fault')).toEqual(['localhost: its binary has none of the tracepoints'])
    expect(code).toBe(2)
  })

  it('says that the bitcoind of another user is out of reach, and what else is called like a node', async () => {
    const { path, install } = stage()
    const [bitcoind, gui] = [install('bitcoind'), install('bitcoin-qt')]
    await using node = await startDemoNode({ binary: bitcoind, args: ['--control'] })
    await using other = await startDemoNode({ binary: gui, args: ['--control'] })
    const { code, told } = await doctor([...quiet, '--bitcoind', bitcoind], [...withCapabilities, ...installAgent(path('agent'))])
    expect(told('fault').join()).toContain(`cannot read /proc/${node.pid}/exe (EACCES): run the agent as the user of bitcoind or as root`)
    expect(told('note')).toContain(`pid ${other.pid} of root is called bitcoin-qt, and cannot be looked at`)
    expect(told('note').join('\n')).toMatch(/^([1-9]\d* processes|one process) cannot be looked at: pid \d+ \(.+\)/m)
    expect(code).toBe(2)
  })

  it('tells of a process that has the tracepoints under another name, and of a node without them', async () => {
    const { path, install } = stage()
    const binary = install('relay')
    copyFileSync('/bin/sleep', path('bitcoin-qt'))
    await using node = await startNode(binary, path())
    await using gui = await startProgram(path('bitcoin-qt'), ['60'])
    const { findings, told } = await doctor(quiet)
    expect(findings).toContainEqual(
      expect.objectContaining({
        level: 'note',
        what: `pid ${node.pid} runs ${binary} as root, which has the tracepoints`,
        todo: `to measure it: --bitcoind ${binary}`,
      }),
    )
    expect(told('note')).toContain(`pid ${gui.pid} runs ${path('bitcoin-qt')} as root, which has none of the tracepoints`)
    const beside = await doctor([...quiet, '--bitcoind', path('bitcoin-qt')])
    expect(beside.findings.find(({ what }) => what.includes(`${node.pid} runs`))?.todo).toBe(`to measure it: --node NAME=${binary}`)
  })

  it('looks at the tracepoints of a node that it may not attach to', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await nodeOfNobody(bitcoind)
    const { told } = await doctor([...quiet, '--bitcoind', bitcoind], [...asNobody, ...installAgent(path('agent'))])
    expect(told('ok').join('\n')).toMatch(
      new RegExp(
        `pid ${node.pid} is node localhost: .* of nobody[^]*localhost: its binary has \\d+ tracepoints, of which the agent uses \\d+`,
      ),
    )
  })
})

describe('doctor, of names,', () => {
  it('gives nodes those that are remembered beside the journal', async () => {
    const { path, folder, install } = stage()
    const bitcoind = install('bitcoind')
    const journal = path('journal/blocks.ndjson')
    mkdirSync(path('journal'))
    const names = [
      { directory: '/gone', suffix: '' },
      { directory: folder('data'), suffix: 'paris' },
    ]
    const remember = (text: string) => writeFileSync(path('journal/blocks.node-names'), text)
    remember(JSON.stringify({ file: 'names of the nodes of fibre-agent', version: 1, names }))
    await using node = await startNode(bitcoind, path('data'))
    const args = ['--journal', journal, '--port', '0', '--health-port', '0', '--bitcoind', bitcoind]
    const { code, told } = await doctor(args)
    expect(told('ok').join('\n')).toContain(`pid ${node.pid} is node localhost/paris: `)
    expect(code).toBe(0)

    remember('{}')
    const other = await doctor(args)
    expect(other.told('warning')).toEqual([`${path('journal/blocks.node-names')} cannot be used: it holds something else`])
    expect(other.code).toBe(1)
  })

  it('says which of two nodes would have no name', async () => {
    const { path, folder, install } = stage()
    const bitcoind = install('bitcoind')
    await using first = await startNode(bitcoind, folder('a'))
    await using second = await startNode(bitcoind, folder('b'))
    const { code, told } = await doctor([...quiet, '--node', `alpha=${bitcoind}`])
    expect(told('ok').join('\n')).toContain(`pid ${first.pid} is node alpha: `)
    expect(told('warning')).toEqual([
      expect.stringMatching(
        new RegExp(
          `^pid ${second.pid} \\(data in ${path('b')}, user 0\\) is not measured: node alpha has its data in ${path('a')}; give each a name`,
        ),
      ),
    ])
    expect(code).toBe(1)
  })
})

describe('doctor, of other tracers,', () => {
  it('names the one that holds the tracepoints', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using _other = new OtherTracer(node)
    const { code, findings, told } = await doctor([...quiet, '--bitcoind', bitcoind])
    const [fault] = findings.filter(({ level }) => level === 'fault')
    expect(fault?.what).toBe(`localhost: ${attachedByDefault.join(', ')} cannot be attached`)
    expect(fault?.why).toMatch(/^another tracer, such as fibre_exporter or a BCC script, holds it/)
    expect(told('note').join('\n')).toMatch(new RegExp(`^localhost: node .*\\(pid ${process.pid}\\) listens to net:.* more$`, 'm'))
    expect(code).toBe(2)
  })

  it.each(forms.map((form) => [formName(form), form] as const))(
    'names another agent, beside which this one measures (%s)',
    async (_, form) => {
      const { path, install } = stage()
      const bitcoind = install('bitcoind')
      await using node = await startNode(bitcoind, path())
      await using listener = new Listener({ forms: [form] })
      listener.attach(node)
      const { code, told } = await doctor([...quiet, '--bitcoind', bitcoind])
      expect(told('note').filter((note) => note.includes(' listens to '))).toEqual([
        expect.stringMatching(new RegExp(`^localhost: node .*\\(pid ${process.pid}\\) listens to udp:.* more$`)),
      ])
      expect(code).toBe(0)
    },
  )

  it('knows the agent of its own settings, by its journal or by its port', async () => {
    const { path, folder, install } = stage()
    const bitcoind = install('bitcoind')
    const journal = `${folder('journal')}/blocks.ndjson`
    await using node = await startNode(bitcoind, path())
    await using running = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--journal', journal] })
    await running.logged(({ msg }) => msg === 'attached to bitcoind')
    const ports = ['--port', new URL(running.url('metrics')).port, '--health-port', new URL(running.url('health')).port]
    for (const kept of [journal, 'none']) {
      const { code, findings } = await doctor(['--bitcoind', bitcoind, '--journal', kept, ...ports])
      expect(findings.filter(({ what }) => what.includes(' listens to '))).toEqual([
        {
          area: 'nodes',
          level: 'ok',
          what: expect.stringMatching(new RegExp(`\\(pid ${running.pid}\\) listens to .*: it is the agent of these settings that runs$`)),
        },
      ])
      expect(code).toBe(0)
    }
    expect(node.pid).toBeGreaterThan(0)
  })

  it('names bpftrace, beside which the agent measures', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    const bpftrace = await startBpftrace(node, { 'udp:block_send_start': '@ = count()' })
    try {
      const { code, findings } = await doctor([...quiet, '--bitcoind', bitcoind])
      expect(findings).toContainEqual({
        area: 'nodes',
        level: 'note',
        what: expect.stringMatching(/^localhost: bpftrace \(pid \d+\) listens to udp:block_send_start$/),
        why: expect.stringMatching(/^each tracer takes time of bitcoind/),
        todo: expect.stringMatching(/^stop it/),
      })
      expect(code).toBe(0)
    } finally {
      await bpftrace.end()
    }
  })

  it('names an event of tracefs', async (context) => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const tracing = stage().path()
    need(context, spawnSync('mount', ['-t', 'tracefs', 'tracefs', tracing]).status === 0, 'tracefs cannot be mounted')
    onTestFinished(() => void execFileSync('umount', [tracing]))
    const site = readNotes(bitcoind).sites.find(({ name }) => name === 'block_connected')
    const event = `doctor_${process.pid}/connected`
    const define = (line: string) => writeFileSync(`${tracing}/uprobe_events`, `${line}\n`, { flag: 'a' })
    define(`p:${event} ${bitcoind}:0x${site?.offset.toString(16)}(0x${site?.semaphoreOffset.toString(16)})`)
    onTestFinished(() => define(`-:${event}`))
    writeFileSync(`${tracing}/events/${event}/enable`, '1')
    onTestFinished(() => writeFileSync(`${tracing}/events/${event}/enable`, '0'))
    await using node = await startNode(bitcoind, path())
    const mounted = ['unshare', '--mount', 'sh', '-c', `mount --bind ${tracing} /sys/kernel/tracing && exec "$@"`, 'sh', ...agent]
    const { told } = await doctor([...quiet, '--pid', `${node.pid}`], mounted)
    expect(told('note')).toContain(`localhost: the event ${event} of tracefs listens to validation:block_connected`)
  })

  it('sees in the memory of the process that there is one, where it may not see which', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await nodeOfNobody(bitcoind)
    await using _other = new OtherTracer(node, ['udp:block_send_start'])
    const { told } = await doctor([...quiet, '--bitcoind', bitcoind], [...asNobody, ...installAgent(path('agent'))])
    expect(told('note')).toContain('localhost: a program that cannot be seen from here listens to udp:block_send_start')
  })
})

describe('doctor, of debug.log,', () => {
  it('reads its settings from command line, settings.json, bitcoin.conf, its sections and what it includes', async () => {
    const { path, folder } = stage()
    copyFileSync('/bin/sh', path('bitcoind'))
    const data = folder('data')
    writeFileSync(`${data}/node.conf`, 'includeconf=logging.conf\ndebug=cmpctblock\nlogtimemicros=0\n[main]\nlogtimemicros=1\n')
    writeFileSync(`${data}/logging.conf`, 'debug=udpnet\n[test]\nshrinkdebugfile=1\n')
    writeFileSync(`${data}/settings.json`, JSON.stringify({ debug: ['bench'] }))
    writeFileSync(`${data}/bitcoin.log`, '2026-01-01T00:00:00Z Bitcoin Core version v30.0.0 (release build)\n')
    const options = [`-datadir=${data}`, '-conf=node.conf', '-debuglogfile=bitcoin.log', '-debugexclude=udpnet']
    await using node = await startProgram(path('bitcoind'), ['-c', 'read line', 'sh', ...options])
    const { findings } = await doctor([...quiet, '--bitcoind', path('bitcoind')])
    const told = findings.filter(({ area }) => area === 'debug log').map(({ level, what }) => `${level}: ${what}`)
    expect(told).toEqual(
      [
        'ok: pid N: Bitcoin Core version v30.0.0',
        `ok: pid N: options of ${data}/node.conf`,
        `ok: pid N: options of ${data}/logging.conf`,
        `ok: pid N: options of ${data}/settings.json`,
        'ok: pid N: debug=bench, cmpctblock',
        'note: pid N: debug=udpnet is not set',
      ].map((line) => line.replace('pid N', `pid ${node.pid}`)),
    )
  })
})

async function startProgram(binary: string, args: readonly string[]) {
  const child = execFile(binary, args)
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
