import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { DemoNode } from '../demo-node/demo-node.ts'

/** What it is told to print first. It shows nothing that a program prints, not even at BEGIN, before all of it is attached. */
const READY = 'all is attached'
const PATIENCE_MS = 20_000

/** Returns the version that bpftrace prints. Fails if it is not installed, and says how to get it. */
export function bpftraceVersion(): string {
  const { error, stdout } = spawnSync('bpftrace', ['--version'], { encoding: 'utf8' })
  if (error) throw new Error('bpftrace, which it is compared with, is not installed: apt-get install bpftrace', { cause: error })
  return stdout.trim()
}

export function hasBpftrace(): boolean {
  return spawnSync('bpftrace', ['--version']).error === undefined
}

/** Attaches bpftrace to tracepoints of the node, with what it does at each. */
export async function startBpftrace(node: DemoNode, actions: Readonly<Record<string, string>>, textLength = 64): Promise<Bpftrace> {
  const program = Object.entries(actions).map(([probe, action]) => `usdt:/proc/${node.pid}/exe:${probe} { ${action} }`)
  const child = spawn('bpftrace', ['-p', String(node.pid), '-e', [`BEGIN { printf("${READY}\\n") }`, ...program].join(' ')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BPFTRACE_STRLEN: String(textLength) },
  })
  await once(child, 'spawn')
  const bpftrace = new Bpftrace(child)
  const impatience = setTimeout(() => bpftrace.end(), PATIENCE_MS)
  const isReady = await bpftrace.isReady
  clearTimeout(impatience)
  const { attached } = await node.command(`wait ${Object.keys(actions).join()} 0`) // it leaves out what a binary lacks
  if (!isReady || !attached) throw new Error(`bpftrace did not attach: ${await bpftrace.end()}`)
  return bpftrace
}

export class Bpftrace {
  /** False once it has ended without. */
  readonly isReady: Promise<boolean>
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #output: Promise<string>

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child
    this.#output = this.#read()
    const saysSo = new Promise<boolean>((resolve) => child.stdout.on('data', (text) => text.includes(READY) && resolve(true)))
    this.isReady = Promise.race([saysSo, this.#output.then(() => false)])
  }

  /** Ends it as Ctrl-C does, and returns all that it has printed. */
  async end(): Promise<string> {
    const interrupt = () => this.#child.kill('SIGINT')
    interrupt()
    const again = setInterval(interrupt, 1000) // it misses one that comes while it is not waiting for events
    const output = await this.#output
    clearInterval(again)
    return output
  }

  async #read(): Promise<string> {
    const kill = () => this.#child.kill('SIGKILL')
    process.once('exit', kill)
    const chunks: Buffer[] = []
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on('data', (chunk) => chunks.push(chunk))
    await once(this.#child, 'close')
    process.removeListener('exit', kill)
    return Buffer.concat(chunks).toString('latin1')
  }
}
