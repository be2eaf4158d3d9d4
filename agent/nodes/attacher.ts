import type { Logger } from 'pino'
import type { Attachment, EventSource } from '../sources/source.ts'
import type { Node } from './node.ts'
import { BLOCKLESS, LOST_FIBRE } from './readiness.ts'

/** A failed attachment is tried again after this time. */
const RETRY_MS = 10_000
/** Time limit of detaching when the agent ends: a node takes 0.1 s, but longer while a thread sleeps in a tracepoint. */
const DETACH_MS = 1000

/** The last attempt to attach to a node. */
interface Try {
  /** `performance.now()` of its end. */
  readonly atMs: number
  /** Whether anything was refused then. By now that may be attached, which is only seen when it is looked at. */
  readonly wasRefused: boolean
}

const NONE_NAMED = 'this bitcoind has tracepoints, but none of those that --tracepoints names (fibre-agent tracepoints lists what it has)'
const NONE_BUILT_IN = 'it takes a bitcoind that was built with USDT tracing'

const NEVER_TRIED: Try = { atMs: 0, wasRefused: false }

/** Attaches to the processes of nodes, tries again what the kernel refused, and logs each change. */
export class Attacher {
  readonly #source: EventSource
  readonly #log: Logger
  readonly #tries = new WeakMap<Node, Try>()
  /** The tracepoints of each node's process as they were last logged. */
  readonly #logged = new WeakMap<Node, ReadonlyMap<string, string>>()
  /** Whether each node had FIBRE when that was last logged. */
  readonly #kinds = new WeakMap<Node, boolean | undefined>()
  readonly #detaching = new Map<Promise<void>, { readonly node: Node; readonly executable: string | undefined }>()
  #isEnding = false

  constructor(source: EventSource, log: Logger) {
    this.#source = source
    this.#log = log
  }

  attach(node: Node): void {
    const { process } = node
    if (process === undefined) return
    const about = { node: node.name, pid: process.pid, executable: process.executable }
    const { sealed } = this.#source
    if (sealed !== undefined) {
      this.#log.error({ ...about, reason: sealed }, 'cannot attach to bitcoind')
      node.attachFailed(sealed)
      return
    }
    this.#logged.delete(node)
    try {
      node.attached(this.#source.attach(process))
    } catch (error) {
      this.#tried(node)
      const reason = (error as Error).message
      if (reason !== node.attachError) this.#log.error({ ...about, err: error }, 'cannot attach to bitcoind; trying again')
      node.attachFailed(reason)
      return
    }
    this.#tried(node)
    this.#logProbes(node)
    if (isRefused(node)) void this.#retryOnceDetached(node)
    if (this.#source.replay !== undefined) return // that it is replayed is said where it begins
    this.#logKind(node)
    const { probes, restarts } = node.snapshot()
    const attached = probes.filter(({ attached }) => attached).length
    if (attached > 0) this.#log.info({ ...about, probes: attached, restarts }, 'attached to bitcoind')
    else if (!node.attachment?.probes.some(({ offered }) => offered))
      this.#log.error(about, `nothing to measure here: ${node.attachment?.offersAny ? NONE_NAMED : NONE_BUILT_IN}`)
    else this.#log.error(about, 'no tracepoint of this bitcoind could be attached')
  }

  /** Tries again, every 10 s, what could not be attached and may be by now. What is attached stays as it is. */
  retry(node: Node): void {
    const { atMs, wasRefused } = this.#tries.get(node) ?? NEVER_TRIED
    const isDue = node.attachError !== undefined || wasRefused || isRefused(node)
    if (node.isUp && isDue && performance.now() - atMs >= RETRY_MS) this.#tryAgain(node)
  }

  /** While a link to the process before is being closed, the kernel may refuse a tracepoint in an executable that was exchanged in place. */
  async #retryOnceDetached(node: Node): Promise<void> {
    const { process } = node
    const before = [...this.#detaching].filter(([, { executable }]) => executable === process?.executable)
    if (before.length === 0) return
    await Promise.allSettled(before.map(([detaching]) => detaching))
    if (node.process !== process || this.#isEnding) return
    try {
      this.#tryAgain(node)
    } catch (error) {
      this.#log.error({ node: node.name, pid: process?.pid, err: error }, 'cannot try again to attach to bitcoind')
    }
  }

  #tryAgain(node: Node): void {
    const { attachment } = node
    if (this.#source.sealed !== undefined) return
    if (attachment === undefined) {
      this.attach(node)
      return
    }
    try {
      attachment.retry?.()
    } catch (error) {
      this.#log.debug({ node: node.name, pid: node.process?.pid, err: error }, 'cannot try again: bitcoind is ending')
    }
    this.#tried(node)
    node.probesChanged()
    this.#logProbes(node)
    this.#logKind(node)
  }

  #tried(node: Node): void {
    this.#tries.set(node, { atMs: performance.now(), wasRefused: isRefused(node) })
  }

  /** Detaches from a process of a node, which runs this executable. The kernel may take its time. */
  detach(node: Node, attachment: Attachment, executable: string | undefined): void {
    const detaching = attachment.close().finally(() => this.#detaching.delete(detaching))
    this.#detaching.set(detaching, { node, executable })
  }

  /** Resolves when nothing is being detached any more, or after a second. */
  async detached(): Promise<void> {
    this.#isEnding = true
    const timeIsUp = new Promise((resolve) => setTimeout(resolve, DETACH_MS).unref())
    await Promise.race([Promise.all(this.#detaching.keys()), timeIsUp])
    const nodes = [...new Set([...this.#detaching.values()].map(({ node }) => node.name))]
    if (nodes.length > 0) this.#log.warn({ nodes }, 'detaching takes long: it is left to the kernel, which ends it by itself')
  }

  /** Logs that a node is without FIBRE, once for each change. */
  #logKind(node: Node): void {
    const before = this.#kinds.get(node)
    const { hasFibre = before } = node
    this.#kinds.set(node, hasFibre)
    if (hasFibre !== false || before === false) return
    if (node.hasLostFibre) this.#log.warn({ node: node.name }, LOST_FIBRE)
    else this.#log.info({ node: node.name }, 'measured as a stock node, without FIBRE')
    if (node.isBlockless) this.#log.warn({ node: node.name }, BLOCKLESS)
  }

  /** Logs what is not attached, once for each change of state. */
  #logProbes(node: Node): void {
    const before = this.#logged.get(node)
    const now = new Map(node.probes.map((probe) => [probe.probe, JSON.stringify(probe)]))
    this.#logged.set(node, now)
    for (const { probe, attached, reason, refused, missingFields, missingPlaces } of node.probes) {
      if (before?.get(probe) === now.get(probe)) continue
      const about = { node: node.name, probe }
      if (!attached) this.#log.warn({ ...about, reason }, refused ? 'tracepoint not attached; trying again' : 'tracepoint not attached')
      if (missingFields) this.#log.warn({ ...about, fields: missingFields }, 'tracepoint lacks fields in this build')
      if (missingPlaces) this.#log.warn({ ...about, reasons: missingPlaces }, 'tracepoint attached, but not at all its places')
      else if (attached && before) this.#log.info(about, 'tracepoint attached')
    }
  }
}

/** Whether anything is refused now. */
const isRefused = ({ attachment }: Node) => attachment?.probes.some(({ refused }) => refused) ?? false
