import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { readProcess } from '../../agent/bitcoind/proc/proc.ts'
import type { Target } from '../../agent/bitcoind/watch.ts'
import { type EbpfOptions, type EbpfSource, openEbpf } from '../../agent/sources/ebpf/ebpf.ts'
import type { Form } from '../../agent/sources/ebpf/program/program.ts'
import type { Attachment, Loss } from '../../agent/sources/source.ts'
import { tracepoints } from '../../agent/tracepoints/index.ts'
import { type DemoNode, probes } from '../demo-node/demo-node.ts'
import { silentLog } from './captured-log.ts'
import { need } from './needs.ts'

const CAP_SYS_ADMIN = 21n
const CAP_BPF = 39n

/** Skips the test where this process may not load eBPF programs. */
export function requireBpf(context: TestContext): void {
  const capabilities = BigInt(`0x${/^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]}`)
  const has = (capability: bigint) => (capabilities & (1n << capability)) !== 0n
  need(context, process.getuid?.() === 0 && (has(CAP_BPF) || has(CAP_SYS_ADMIN)), 'it takes root with CAP_BPF')
}

/** The kernel program, as set-up compiled it. */
export const image = readFileSync(join(import.meta.dirname, '../../dist/usdt.bpf.o'))

export const formName = ({ multi, sleepable }: Form) => `${multi ? 'multi' : 'perf'}${sleepable ? ', sleepable' : ''}`

/** The fields of a decoded event by their names. */
export type Fields = Readonly<Record<string, string | number | undefined>>

/** An event as the agent's source handed it on. */
export interface Heard {
  readonly event: Fields & { readonly node: string; readonly probe: string; readonly stampNs: number }
  readonly failed: readonly string[]
  /** CLOCK_MONOTONIC. */
  readonly arrivedNs: number
}

/** An eBPF source in this process that keeps all it is told. */
export class Listener implements AsyncDisposable {
  readonly source: EbpfSource
  readonly heard: Heard[] = []
  readonly errors: unknown[] = []
  readonly #losses = new Map<string, Loss>()
  readonly #attachments: Attachment[] = []

  constructor(options: Partial<EbpfOptions> = {}) {
    this.source = openEbpf({
      image,
      ringSize: 1 << 20,
      tracepoints,
      log: silentLog,
      ...options,
    })
    this.source.start({
      event: (event, _tracepoint, failed) => {
        this.heard.push({ event: event as unknown as Heard['event'], failed, arrivedNs: Number(process.hrtime.bigint()) })
      },
      lost: ({ node, eventType, lost }) => {
        const key = `${node} ${eventType}`
        this.#losses.set(key, { node, eventType, lost: lost + (this.#losses.get(key)?.lost ?? 0) })
      },
      error: (error) => this.errors.push(error),
    })
  }

  attach(node: DemoNode, name = 'demo'): Attachment {
    const attachment = this.source.attach(targetOf(node, name))
    this.#attachments.push(attachment)
    return attachment
  }

  /** Reads what was lost until now, by node and tracepoint. */
  losses(): readonly Loss[] {
    this.source.drain()
    return [...this.#losses.values()]
  }

  /** Hits that the kernel program could not tell of. */
  get lost(): number {
    return this.losses().reduce((sum, { lost }) => sum + lost, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#attachments.map((attachment) => attachment.close()))
    this.source.close()
  }
}

function targetOf({ pid }: DemoNode, node: string): Target {
  const process = readProcess('/proc', pid)
  if (process === undefined) throw new Error(`demo node ${pid} has ended`)
  return { ...process, node }
}

/** Tracepoints of a FIBRE node that are not attached. */
export const unattached = (attachment: Attachment) =>
  attachment.probes.filter(({ probe, attached }) => !attached && probes.some((known) => known === probe))

/** All events of an answer. */
export const total = (events: Readonly<Record<string, number>>): number => Object.values(events).reduce((sum, count) => sum + count, 0)
