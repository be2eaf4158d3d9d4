import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { DemoNode } from '../demo-node/demo-node.ts'

/** The semaphore rises before bpftrace's program is in place. */
const SETTLE_MS = 200

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
  const child = spawn('bpftrace', ['-p', String(node.pid), '-e', program.join(' ')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, BPFTRACE_STRLEN: String(textLength) },
  })
  await once(child, 'spawn')
  const bpftrace = new Bpftrace(child)
  const { attached } = await node.command(`wait ${Object.keys(actions).join()} 20`)
  if (!attached) throw new Error(`bpftrace did not attach: ${await bpftrace.end()}`)
  await setTimeout(SETTLE_MS)
  return bpftrace
}

export class Bpftrace {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #output: Promise<string>

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child
    this.#output = this.#read()
  }

  /** Ends it as Ctrl-C does, and returns all that it has printed. */
  end(): Promise<string> {
    this.#child.kill('SIGINT')
    return this.#output
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
