import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { type BlockEvent, blockTracepoints, tracepoints } from '../../agent/tracepoints/index.ts'

/** It fires all that a FIBRE node has. */
export const probes = blockTracepoints.filter(({ group }) => group === 'fibre' || group === 'validation').map(({ probe }) => probe)
export type Probe = BlockEvent['probe']

/** Tracepoints of Bitcoin Core 31 besides, each with its arguments as notes tell them. */
export const coreProbes = {
  'net:inbound_message': '-8 8 8 8 8 8',
  'net:outbound_message': '-8 8 8 8 8 8',
  'net:inbound_connection': '-8 8 8 4 8',
  'net:outbound_connection': '-8 8 8 4 8',
  'net:evicted_inbound_connection': '-8 8 8 4 -8',
  'net:closed_connection': '-8 8 8 4 -8',
  'net:misbehaving_connection': '-8 8',
  'mempool:added': '8 -4 -8',
  'mempool:removed': '8 8 -4 -8 8',
  'mempool:replaced': '8 -4 -8 8 8 -4 -8 1',
  'mempool:rejected': '8 8',
  'utxocache:flush': '-8 4 8 8 1',
  'utxocache:add': '8 4 4 -8 1',
  'utxocache:spent': '8 4 4 -8 1',
  'utxocache:uncache': '8 4 4 -8 1',
} as const
export type CoreProbe = keyof typeof coreProbes

const shared = tracepoints.filter(({ probe }) => probes.some((own) => own === probe) || probe in coreProbes)
/** Tracepoints that both know, it and an agent. */
export const attachable = shared.map(({ probe }) => probe)
/** Those of them that an agent attaches to unless it is told otherwise. */
export const attachedByDefault = shared.filter(({ group }) => group !== 'mempool' && group !== 'utxocache').map(({ probe }) => probe)

/** The fired events of blocks, without those that no tracer asked for. */
export interface Fired {
  readonly blocks: number
  readonly events: Readonly<Record<Probe, number>>
  readonly seconds: number
}

/** Arguments as recordings of real nodes name them, null where one points to no memory. */
type Arguments = Readonly<Record<string, string | number | readonly number[] | null>>
/** One fired event. */
export type FiredEvent = { readonly probe: Probe } & Arguments

/** Hits since the start, and sums of their numbers, by tracepoint and label: a message's type, a reason, a mode. */
export interface Totals {
  readonly totals: Readonly<Record<CoreProbe, Readonly<Record<string, Readonly<Record<string, number>>>>>>
}

/** The answer to each command of `demo-node --control`. */
interface Answers {
  blocks: Fired
  relay: Fired
  compete: Fired
  header: Fired
  'catch-up': Fired
  reorg: Fired
  load: Totals
  totals: Totals
  events: Fired
  flood: Fired
  replay: Fired
  hit: { readonly probe: Probe; readonly hits: number; readonly ns_per_hit: number; readonly cpu_ns_per_hit: number }
  fire: { readonly sent: Arguments }
  odd: { readonly kind: string; readonly sent: readonly FiredEvent[] }
  semaphores: Readonly<Record<Probe, number>>
  wait: { readonly attached: boolean }
}

type Verb = keyof Answers
type Command = Verb | `${Verb} ${string}`
type AnswerTo<Text extends Command> = Text extends Verb
  ? Answers[Text]
  : Text extends `${infer V extends Verb} ${string}`
    ? Answers[V]
    : never

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

export interface DemoNodeOptions {
  readonly binary?: string
  readonly args?: readonly string[]
  readonly cwd?: string
}

/** The demo node as set-up built it. */
export const demoNodeBinary = join(import.meta.dirname, '../../dist/demo-node')

const running = new Set<DemoNode>()
process.once('exit', () => {
  for (const node of running) node.kill('SIGKILL')
})

/** Starts a demo node and waits until it is ready; `--control` among the arguments makes it obey commands. */
export async function startDemoNode({ binary = demoNodeBinary, args = [], cwd }: DemoNodeOptions = {}): Promise<DemoNode> {
  const child = spawn(binary, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'] })
  await once(child, 'spawn')
  const node = new DemoNode(child)
  await (args.includes('--control') ? node.command('semaphores') : node.nextLine())
  return node
}

/** Fires a hit of a tracepoint for each of these, and returns what it passed: arguments that are left out are 0 or empty. */
export async function fire(node: DemoNode, probe: string, ...hits: readonly Arguments[]): Promise<readonly Arguments[]> {
  const answers = await Promise.all(hits.map((hit) => node.command(`fire ${probe} ${JSON.stringify(hit)}`)))
  return answers.map(({ sent }) => sent)
}

export class DemoNode implements AsyncDisposable {
  readonly pid: number
  readonly exited: Promise<Exit>
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #waiting: PromiseWithResolvers<string>[] = []

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child
    this.pid = child.pid as number
    this.exited = this.#watch()
  }

  /** Answers come in the order of the commands. One that the node refuses, or does not live to answer, rejects. */
  command<Text extends Command>(text: Text): Promise<AnswerTo<Text>>
  command(text: string): Promise<unknown>
  async command(text: string): Promise<unknown> {
    const line = this.nextLine()
    this.#child.stdin.write(`${text}\n`)
    const { error, ...answer } = JSON.parse(await line)
    if (error !== undefined) throw new Error(error)
    return answer
  }

  /** Without `--control` a node prints one line, when it is ready. */
  nextLine(): Promise<string> {
    const line = Promise.withResolvers<string>()
    if (this.#hasExited()) line.reject(new Error(`demo node ${this.pid} has ended`))
    else this.#waiting.push(line)
    return line.promise
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL')
    await this.exited
  }

  #hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async #watch(): Promise<Exit> {
    let stderr = ''
    running.add(this)
    this.#child.stdin.on('error', () => {}) // a node that ends while we write: its exit tells
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(line))
    const [code, signal] = (await once(this.#child, 'close')) as [number | null, NodeJS.Signals | null]
    running.delete(this)
    for (const line of this.#waiting.splice(0)) line.reject(new Error(`demo node ${this.pid} ended (${signal ?? code}): ${stderr}`))
    return { code, signal, stderr }
  }
}
