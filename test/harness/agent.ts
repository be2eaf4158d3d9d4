import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Scrape } from './scrape.ts'
import { until } from './until.ts'

/** Flags without which a block that FIBRE won waits a minute for a late compact block before its record is written. */
export const withoutMessages = ['--tracepoints', 'fibre,validation'] as const

/** One record of the agent's log. */
export interface LogLine {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}

export interface AgentExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

export interface AgentProcessOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Ports are free ones unless the arguments name others. */
  readonly ports?: boolean
  /** Waits for both servers by default. */
  readonly untilListening?: boolean
  /** Command that runs the agent, to which the arguments are added; by default the built bundle with this Node.js. */
  readonly command?: readonly [string, ...string[]]
}

/** Root of the checkout whose agent is run: this one, unless the bench compares it with another. */
export const checkout = process.env.AGENT_CHECKOUT ?? join(import.meta.dirname, '../..')

/** The bundle that operators run. */
export const bundle = join(checkout, 'dist/agent.cjs')

/** The options of Node.js that the built launcher of a checkout names. What runs parts of the agent in a process of its own is given them, too. */
export const nodeOptionsOf = (root: string): readonly string[] =>
  /^#!.* node (.*)$/m.exec(readFileSync(join(root, 'dist/agent.cjs'), 'utf8'))?.[1]?.split(' ') ?? []

/** PATH of programs under test: this Node.js comes first. */
export const searchPath = `${dirname(process.execPath)}:${process.env.PATH}`

/** Warnings and errors, but for the one that root gets, as which most tests run. */
export const complaints = (log: readonly LogLine[]) =>
  log.filter(({ level, msg }) => level !== 'info' && !msg.startsWith('running as root'))

const running = new Set<AgentProcess>()
process.once('exit', () => {
  for (const agent of running) agent.kill('SIGKILL')
})

/** Starts the bundle that operators run, in a process of its own with no `FIBRE_*` or `OTEL_*` of this one, and no journal unless it is asked for. */
export async function startAgentProcess(options: AgentProcessOptions = {}): Promise<AgentProcess> {
  const { args = [], env = {}, ports = true, untilListening = true, command = [bundle] } = options
  const inherited = Object.entries(process.env).filter(([name]) => !/^(FIBRE|OTEL)_/.test(name))
  const [program, ...words] = command
  const child = spawn(program, [...words, ...(ports ? ['--port', '0', '--health-port', '0'] : []), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), PATH: searchPath, FIBRE_JOURNAL: 'none', ...env },
  })
  await once(child, 'spawn')
  const agent = new AgentProcess(child)
  if (untilListening) await agent.logged(({ msg, server }) => msg === 'listening' && server === 'health')
  return agent
}

export class AgentProcess implements AsyncDisposable {
  readonly pid: number
  readonly exited: Promise<AgentExit>
  readonly log: LogLine[] = []
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  #hasExited = false

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child
    this.pid = child.pid as number
    this.exited = this.#watch()
  }

  /** The first log record that fits, once it is there. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    await until(() => this.#hasExited || this.log.some(fits), 'a log record')
    const line = this.log.find(fits)
    if (line) return line
    throw new Error(`the agent ended without that log record: ${(await this.exited).stderr}\n${JSON.stringify(this.log)}`)
  }

  /** Address of the `metrics` or the `health` server. */
  url(server: 'metrics' | 'health'): string {
    const url = this.log.find((line) => line.msg === 'listening' && line.server === server)?.url
    if (typeof url !== 'string') throw new Error(`the ${server} server does not listen`)
    return url
  }

  async scrape(): Promise<Scrape> {
    const response = await fetch(`${this.url('metrics')}/metrics`)
    if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`)
    return new Scrape(await response.text())
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL')
    await this.exited
  }

  async #watch(): Promise<AgentExit> {
    let stderr = ''
    running.add(this)
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      try {
        this.log.push(JSON.parse(line))
      } catch (error) {
        if (!this.#child.killed) throw error // else it is the line that the signal cut off
      }
    })
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null]
    this.#hasExited = true
    running.delete(this)
    return { code, signal, stderr }
  }
}
