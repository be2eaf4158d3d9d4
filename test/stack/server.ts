import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '../harness/until.ts'
import { howToGet, type Program, stackBinary } from './binaries.ts'

/** Options of each start of a server: after a stop it comes back on its ports and with its data. */
export interface ServerOptions {
  readonly program: Program
  readonly args: readonly string[]
  /** A command that runs the program in its place, with less than we may. */
  readonly launcher?: readonly string[] | undefined
  /** Its whole environment. */
  readonly env?: Readonly<Record<string, string>>
  readonly url: string
  /** URL that answers with success when the server is ready. */
  readonly readyUrl: string
}

const LOG_LENGTH = 100_000
const READY_MS = 60_000

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A real server in a process of its own. */
export class Server implements AsyncDisposable {
  /** The end of what it has logged. */
  log = ''
  readonly #options: ServerOptions
  #child: ChildProcess | undefined
  #closed: Promise<unknown> | undefined

  constructor(options: ServerOptions) {
    this.#options = options
  }

  get url(): string {
    return this.#options.url
  }

  get pid(): number {
    return this.#child?.pid as number
  }

  /** Starts it, again if need be, and waits until it is ready. */
  async start(): Promise<void> {
    const { program, args, launcher = [], env = {} } = this.#options
    const path = stackBinary(program)
    if (path === undefined) throw new Error(howToGet(program))
    const [command = path, ...words] = [...launcher, path, ...args]
    const child = spawn(command, words, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    await once(child, 'spawn')
    running.add(child)
    this.#child = child
    this.#closed = once(child, 'close').finally(() => running.delete(child))
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => this.#keep(text))
    try {
      await until(() => this.hasEnded() || this.isReady(), `${program} to be ready`, READY_MS)
      if (this.hasEnded()) throw new Error(`${program} ended at its start`)
    } catch (error) {
      await this.stop('SIGKILL')
      throw new Error(`${(error as Error).message}: ${this.log}`, { cause: error })
    }
  }

  hasEnded(): boolean {
    return this.#child?.exitCode !== null || this.#child.signalCode !== null
  }

  async isReady(): Promise<boolean> {
    return fetch(this.#options.readyUrl).then(
      ({ ok }) => ok,
      () => false,
    )
  }

  /** SIGTERM lets it finish what it is about. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#child?.kill(signal)
    await this.#closed
  }

  /** Asks the server's API for JSON. */
  async ask(
    path: string,
    parameters: Readonly<Record<string, string | number | undefined>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const url = new URL(path, this.url)
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.append(name, `${value}`)
    const response = await fetch(url, { headers })
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
    return response.json()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }

  #keep(text: string): void {
    this.log = (this.log + text).slice(-LOG_LENGTH)
  }
}
