import { release } from 'node:os'
import type { Logger } from 'pino'
import { keepCapabilities, permittedCapabilities } from './native/capabilities.ts'
import type { NodeSnapshot } from './nodes/snapshot.ts'
import { CAP_BPF, CAP_SYS_PTRACE } from './sources/ebpf/program/hindrances.ts'
import type { EventSource } from './sources/source.ts'

const SEALED = 'the agent has given up its capabilities (--drop-capabilities): restart it, and it attaches again'
/** Node.js waits for SIGUSR1 in a thread that takes no other signal, unless it is told not to. */
const BLOCKED = 'a thread of Node.js takes no signals and keeps them: start fibre-agent itself, or node with --disable-sigusr1'
/** A thread that waits in the kernel gives them up when it returns; so many seconds are a fault. */
const SOON = 5

export interface PrivilegesOptions {
  readonly nodes: () => readonly NodeSnapshot[]
  readonly source: EventSource
  readonly log: Logger
}

/** Gives up the capabilities of this process that take none to go on, once all known nodes are attached. */
export class Privileges {
  readonly #options: PrivilegesOptions
  #seconds = 0
  #isDone = false
  #faults: readonly string[] = []

  constructor(options: PrivilegesOptions) {
    this.#options = options
  }

  /** Why they could not be given up, if so. */
  get faults(): readonly string[] {
    return this.#faults
  }

  /** Runs once a second. What the threads have left is looked at a second after they were told. */
  tick(): void {
    if (this.#isDone || (this.#seconds === 0 && !areAttached(this.#options.nodes()))) return
    const kept = keptCapabilities()
    try {
      if (this.#seconds > 0 && (permittedCapabilities() & ~maskOf(kept)) === 0n) {
        this.#done(Object.keys(kept))
        return
      }
      if (this.#seconds < SOON) keepCapabilities(maskOf(kept))
      this.#options.source.seal?.(SEALED)
      if (++this.#seconds === SOON) this.#fail(BLOCKED)
    } catch (error) {
      this.#isDone = true
      this.#fail((error as Error).message)
    }
  }

  #done(kept: readonly string[]): void {
    this.#isDone = true
    this.#faults = []
    this.#options.log.info({ kept }, 'capabilities given up; when bitcoind is restarted, restart the agent, too')
  }

  #fail(reason: string): void {
    this.#faults = [`Capabilities cannot be given up: ${reason}`]
    this.#options.log.error({ reason }, 'cannot give up capabilities')
  }
}

const areAttached = (nodes: readonly NodeSnapshot[]) => nodes.length > 0 && nodes.every(isAttached)

const isAttached = ({ isUp, attachError, probes }: NodeSnapshot) =>
  isUp && attachError === undefined && probes.some(({ attached }) => attached) && !probes.some(({ refused }) => refused)

/** Those that going on takes, as far as this process has them. */
function keptCapabilities(): Readonly<Record<string, bigint>> {
  const kept = { CAP_SYS_PTRACE, ...(isReadingMapsPrivileged() && { CAP_BPF }) }
  const held = permittedCapabilities()
  return Object.fromEntries(Object.entries(kept).filter(([, capability]) => (held >> capability) & 1n))
}

const maskOf = (kept: Readonly<Record<string, bigint>>) => Object.values(kept).reduce((mask, capability) => mask | (1n << capability), 0n)

/** Before Linux 5.19, kernel.unprivileged_bpf_disabled keeps bpf(2) as a whole from processes without CAP_BPF. */
function isReadingMapsPrivileged(): boolean {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10))
  return major < 5 || (major === 5 && minor < 19)
}
