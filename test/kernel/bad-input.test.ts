import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, truncateSync, writeFileSync } from 'node:fs'
import { Agent, get, type IncomingMessage } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { connectTo, idleConnections } from '../harness/connections.ts'
import { requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { Scrape } from '../harness/scrape.ts'
import { attached, FiredCounts, processed, readiness, stage, startNode } from '../harness/stage.ts'

beforeEach(requireBpf)

describe('the agent does not start, and says why,', () => {
  /** Exit code and errors of an agent that refuses to start. */
  const refused = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    await using agent = await startAgentProcess({ args, env, ports: false, untilListening: false })
    const { code, stderr } = await agent.exited
    return { code, stderr }
  }

  it.for([
    ['with a flag that it does not know', ['--bitconid', 'x'], {}, 2, /--bitconid: .*--bitcoind\?/],
    ['with a number in the environment that is none', [], { FIBRE_METRICS_PORT: 'ninety' }, 2, /FIBRE_METRICS_PORT: .*"ninety"/],
    ['with a file that is not there', ['--config', '/nonesuch.yaml'], {}, 2, /--config: .*"\/nonesuch.yaml" does not exist/],
    ['with half of the credentials', ['--metrics-auth-username', 'me'], {}, 2, /--metrics-auth-username: .*--metrics-auth-password /],
    ['with a certificate and no key', ['--tls-cert', '/bin/true'], {}, 2, /--tls-cert: .*--tls-key /],
    [
      'with what is no certificate',
      ['--port=0', '--tls-cert=/bin/true', '--tls-key=/bin/true'],
      {},
      2,
      /--tls-cert: "\/bin\/true" holds no certificate/,
    ],
  ] as const)('%s', async ([, args, env, code, message]) => {
    expect(await refused(args, env)).toEqual({ code, stderr: expect.stringMatching(message) })
  })

  it('with a key in its file that it does not know', async () => {
    const file = stage().path('agent.yaml')
    writeFileSync(file, 'node_name: demo\nmetric_port: 9435\n')
    expect(await refused(['--config', file])).toEqual({ code: 2, stderr: expect.stringContaining(`${file}:2:1 (metric_port): `) })
  })

  it.for([
    ['--port', '--health-port'],
    ['--health-port', '--port'],
  ] as const)('with %s in use', async ([flag, other]) => {
    const server = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const { code, stderr } = await refused([flag, `${port}`, other, '0'])
    expect(code).toBe(1)
    expect(stderr).toMatch(new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port} .*: port in use; choose another with ${flag}\\b`))
  })
})

describe('an executable that cannot be measured', () => {
  const scriptAt = (path: string) => writeFileSync(path, '#!/bin/sh\nexec bitcoind\n', { mode: 0o755 })
  it.for([
    ['is not there', () => {}, /does not exist$/],
    ['is a script', scriptAt, /is not an ELF executable/],
  ] as const)('is named from the start when it %s', async ([, make, fault]) => {
    const bitcoind = stage().path('bitcoind')
    make(bitcoind)
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    expect(await agent.logged(({ path, level }) => path === bitcoind && level === 'warn')).toMatchObject({
      msg: expect.stringMatching(fault),
    })
  })

  it.for([
    ['has no tracepoints', makePlain, /has none of the tracepoints/, /udp:block_race_time is not attached: this build .* does not have it/],
    ['was cut off', makeCutOff, /is cut off or damaged at its section table/, /is cut off or damaged at its section table/],
    ['has 32 bits', make32Bit, /is not a 64-bit program/, /is not a 64-bit program/],
  ] as const)('is named, running or not, when it %s, and costs the node beside it nothing', async ([, make, fault, reason], context) => {
    need(context, process.arch === 'x64' || make !== make32Bit, 'only x86-64 runs 32-bit programs')
    const { path, folder, install } = stage()
    const bad = path('bad')
    make(bad)
    await using node = await startNode(install('bitcoind'), folder('good'))
    await using agent = await startAgentProcess({ args: ['--node', `bad=${bad}`, '--node', `good=${path('bitcoind')}`] })
    expect(await agent.logged((line) => line.level === 'warn' && line.path === bad)).toMatchObject({ msg: expect.stringMatching(fault) })
    await attached(node)

    const program = spawn(bad, { stdio: ['pipe', 'ignore', 'ignore'] })
    onTestFinished(() => void program.kill('SIGKILL'))
    await agent.logged((line) => line.level === 'error' && line.node === 'bad' && line.pid === program.pid)
    const { status, text } = await readiness(agent)
    expect(status).toBe(503)
    expect(text).toMatch(new RegExp(`^bad: .*${reason.source}`, 'm'))
    await node.command('blocks 5')
    expect((await agent.scrape()).value('bitcoin_blocks_connected_total', { node: 'good' })).toBe(5)
  })
})

/** Reads its input, as all three do, and so stays. */
function makePlain(path: string): void {
  copyFileSync('/bin/cat', path)
}

/** It runs: what the kernel maps is all there, only what describes it is not. */
function makeCutOff(path: string): void {
  copyFileSync(`${import.meta.dirname}/../../dist/demo-node`, path)
  const headers = execFileSync('readelf', ['-lW', path], { encoding: 'utf8' })
  const ends = [...headers.matchAll(/^ +LOAD +(0x\w+) 0x\w+ 0x\w+ (0x\w+)/gm)].map(([, offset, size]) => Number(offset) + Number(size))
  truncateSync(path, Math.max(...ends))
}

function make32Bit(path: string): void {
  const source = 'void _start(void) { for (;;) __asm__ volatile("int $0x80" :: "a"(29 /* pause */)); }'
  const options = ['-m32', '-nostdlib', '-static', '-ffreestanding', '-x', 'c', '-', '-o', path]
  execFileSync('clang', options, { input: source })
}

describe('clients that misbehave', () => {
  const SCRAPES = 200

  /** Returns the server's answer to bytes that are no valid request. */
  const answerTo = async (url: string, bytes: string) => {
    const socket = await connectTo(url)
    socket.write(bytes)
    const [answer] = await once(socket, 'data')
    socket.destroy()
    return String(answer).split('\r\n', 1)[0]
  }
  const garbage = '\x16\x03\x01 NOT / HTTP\r\n\r\n'
  const hugeHeader = `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`

  it('are refused, and neither they nor hundreds of idle ones hold up a scrape or cost an event', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await attached(node)
    const url = `${agent.url('metrics')}/metrics`
    const connection = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => connection.destroy())
    const tally = new FiredCounts()

    const timesOf = async (disturb: () => Promise<unknown>) => {
      const times: number[] = []
      while (times.length < SCRAPES) {
        const disturbance = disturb()
        const start = performance.now()
        const [response] = (await once(get(url, { agent: connection }), 'response')) as [IncomingMessage]
        const page = Buffer.concat(await response.toArray()).toString()
        times.push(performance.now() - start)
        expect(new Scrape(page).value('fibre_exporter_up')).toBe(1)
        await disturbance
      }
      return times.toSorted((a, b) => a - b)
    }
    const percentile99 = (times: readonly number[]) => times[Math.floor(times.length * 0.99)] as number

    const quiet = await timesOf(async () => tally.add(await node.command('blocks 1')))
    const idle = await idleConnections(url.replace('/metrics', '/nothing'), 500)
    const refusals: (string | undefined)[] = []
    const disturbed = await timesOf(async () => {
      const [fired, ...answers] = await Promise.all([node.command('blocks 1'), answerTo(url, garbage), answerTo(url, hugeHeader)])
      tally.add(fired)
      refusals.push(...answers)
    })

    expect(new Set(refusals)).toEqual(new Set(['HTTP/1.1 400 Bad Request', 'HTTP/1.1 431 Request Header Fields Too Large']))
    expect(idle.filter(({ closed }) => closed)).toEqual([])
    expect(percentile99(disturbed)).toBeLessThan(Math.max(20, 3 * percentile99(quiet)))
    expect(processed(await agent.scrape())).toEqual(tally.expected)
  })
})
