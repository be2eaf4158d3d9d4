import { existsSync, readFileSync } from 'node:fs'
import { type AgentProcess, bundle, type LogLine, startAgentProcess } from '../harness/agent.ts'
import { Scrape } from '../harness/scrape.ts'
import { until } from '../harness/until.ts'

export interface LoggedAgentOptions {
  readonly args: readonly string[]
  /** The log that is read: standard output or the log file. */
  readonly log: string
  /** Shell commands before the agent starts: redirections, limits. */
  readonly shell: string
}

/** An agent whose standard output does not lead to this process. Its log is read from a file. */
export async function startLoggedAgent({ args, log, shell }: LoggedAgentOptions) {
  const command = ['sh', '-c', `${shell}; exec "$0" "$@"`, bundle] as const
  const agent = await startAgentProcess({ command: [...command], args, untilListening: false })
  const lines = () => (existsSync(log) ? linesOf(readFileSync(log, 'utf8')) : [])
  await until(() => lines().filter(({ msg }) => msg === 'listening').length === 2, 'the agent to listen')
  const url = (server: string) => String(lines().find((line) => line.server === server && line.url)?.url)
  return new LoggedAgent(agent, url('metrics'), url('health'), lines)
}

class LoggedAgent implements AsyncDisposable {
  readonly process: AgentProcess
  readonly metrics: string
  readonly health: string
  readonly lines: () => readonly LogLine[]

  constructor(process: AgentProcess, metrics: string, health: string, lines: () => readonly LogLine[]) {
    this.process = process
    this.metrics = metrics
    this.health = health
    this.lines = lines
  }

  async logged(message: string): Promise<LogLine> {
    await until(() => this.lines().some(({ msg }) => msg === message), `"${message}" in the log`)
    return this.lines().find(({ msg }) => msg === message) as LogLine
  }

  async scrape(): Promise<Scrape> {
    const response = await fetch(`${this.metrics}/metrics`)
    return new Scrape(await response.text())
  }

  async isHealthy(): Promise<boolean> {
    return (await fetch(`${this.health}/health`)).ok
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]()
  }
}

/** Fails if a line that was ended is no JSON. */
function linesOf(text: string): readonly LogLine[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
