import type { Logger } from 'pino'
import type { OutcomeListener } from './blocks/blocks.ts'
import { Floods } from './floods.ts'
import { blockMetrics } from './metrics/blocks.ts'
import type { Instruments } from './metrics/instruments.ts'
import { eventDelay, type SelfState } from './metrics/self.ts'
import { Node } from './node.ts'
import type { Attachment, EventHandler, EventSource, NodeProcess } from './sources/source.ts'
import type { Tracepoint } from './tracepoints/define.ts'
import { type TracepointEvent, tracepoints } from './tracepoints/index.ts'

export interface MeasuringOptions {
  readonly instruments: Instruments
  readonly log: Logger
  /** Log each event. */
  readonly verbose: boolean
  /** How long a block may take to be connected, in ms. */
  readonly pendingTimeoutMs?: number | undefined
  /** Told what becomes known of each block. */
  readonly onBlock?: OutcomeListener | undefined
  /** Hashes of a node's blocks that were told of before this agent started. */
  readonly knownBlocks?: ((node: string) => Iterable<string>) | undefined
}

/** What the end of the agent waits for the kernel at most: it detaches from a node in 0.1 s, but not while a thread sleeps in a tracepoint. */
const DETACH_MS = 1000

type Recorder<Subject> = (node: string, subject: Subject) => void

/** Each event goes to the metrics of its own tracepoint, which know its type. */
const recordersOf = (instruments: Instruments) =>
  new Map<Tracepoint, Recorder<TracepointEvent>>(
    tracepoints.map((tracepoint) => [tracepoint, instruments.recorderOf(tracepoint.metrics) as Recorder<unknown>]),
  )

/** All that is measured: takes events in, and attaches to processes as they come and go. */
export class Measuring implements EventHandler {
  readonly #options: MeasuringOptions
  readonly #log: Logger
  readonly #nodes = new Map<string, Node>()
  readonly #processed = new Map<string, number>()
  readonly #recorders: ReadonlyMap<Tracepoint, Recorder<TracepointEvent>>
  readonly #recordDelay: Recorder<number>
  readonly #detaching = new Map<Promise<void>, string>()
  /** What was last logged of each node's tracepoints. */
  readonly #logged = new WeakMap<Node, ReadonlyMap<string, string>>()
  readonly #floods: Floods
  #source: EventSource | undefined
  #errors = 0

  constructor(options: MeasuringOptions) {
    const { instruments } = options
    this.#options = options
    this.#log = options.log
    this.#recorders = recordersOf(instruments)
    this.#floods = new Floods(options.log)
    for (const metrics of Object.values(blockMetrics)) instruments.recorderOf(metrics)
    this.#recordDelay = instruments.recorderOf([eventDelay])
  }

  get nodes(): readonly Node[] {
    return [...this.#nodes.values()]
  }

  /** Sets where events come from. */
  use(source: EventSource): void {
    this.#source = source
  }

  /** Makes a node known, with all its series, before or when a process of it is seen. */
  declare(name: string): Node {
    const known = this.#nodes.get(name)
    if (known) return known
    const { instruments, onBlock, pendingTimeoutMs, knownBlocks } = this.#options
    const recorders = Object.fromEntries(
      Object.entries(blockMetrics).map(([outcome, metrics]) => [outcome, instruments.recorderOf(metrics)]),
    )
    const record: OutcomeListener = (outcome, block) => {
      recorders[outcome]?.(name, block)
      onBlock?.(outcome, block)
    }
    const connectWaitNs = pendingTimeoutMs === undefined ? undefined : pendingTimeoutMs * 1e6
    const node = new Node(name, record, { connectWaitNs, checkLosses: () => this.takeLosses() })
    if (knownBlocks) node.blocks.remember(knownBlocks(name))
    this.#nodes.set(name, node)
    instruments.declare(name)
    return node
  }

  appeared(target: NodeProcess): void {
    const node = this.declare(target.node)
    node.started(target)
    this.#attach(node, target)
  }

  gone(target: NodeProcess): void {
    const node = this.declare(target.node)
    const { attachment } = node
    this.#source?.drain() // what it said before it ended
    node.ended(this.#now())
    if (attachment) this.#detach(node, attachment)
    this.#log.info({ node: target.node, pid: target.pid }, 'bitcoind ended; waiting for it to come back')
  }

  /** Takes off a node that has ended. Its series are ended by whoever owns them. */
  forget(name: string): void {
    const node = this.#nodes.get(name)
    if (!node || node.isUp) return
    this.#nodes.delete(name)
    node.blocks.close()
  }

  event(event: TracepointEvent, tracepoint: Tracepoint, failed: readonly string[]): void {
    const { eventType } = tracepoint
    this.#processed.set(eventType, (this.#processed.get(eventType) ?? 0) + 1)
    this.#recorders.get(tracepoint)?.(event.node, event)
    this.#nodes.get(event.node)?.observe(event, tracepoint, failed)
    this.#recordDelay(event.node, (this.#now() - event.stampNs) / 1e9)
    if (this.#options.verbose) this.#log.info(event, eventType)
  }

  error(error: unknown): void {
    this.#errors++
    if (this.#errors === 1) this.#log.error({ err: error }, 'cannot process an event; further ones are only counted')
  }

  /** To be called every second or so: judges blocks that waited long enough and tries failed attachments again. */
  keepHouse(): void {
    this.#source?.drain() // the race that a block waits for may have come
    this.takeLosses()
    this.#floods.advance(this.#now())
    for (const node of this.#nodes.values()) {
      node.blocks.advance(this.#now())
      if (node.isRetryDue && node.target) this.#tryAgain(node, node.target)
    }
  }

  /** Takes over how many events the kernel could not hand over. */
  takeLosses(): void {
    for (const { node, eventType, lost } of this.#source?.losses() ?? []) {
      const state = this.#nodes.get(node)
      if (state === undefined) continue
      const more = lost - (state.lost.get(eventType) ?? 0)
      if (more > 0) this.#floods.take({ node, eventType, lost: more }, this.#now())
      state.setLost(eventType, lost)
    }
  }

  /** The part of the agent's state that is known here. */
  counts(): Pick<SelfState, 'nodes' | 'eventsProcessed' | 'eventErrors'> {
    this.takeLosses()
    return { nodes: this.nodes, eventsProcessed: this.#processed, eventErrors: this.#errors }
  }

  /** Detaches from all processes; the events that came before have then been taken in, and blocks that were connected are closed. */
  async close(): Promise<void> {
    for (const node of this.#nodes.values()) if (node.attachment) this.#detach(node, node.attachment)
    const timeIsUp = new Promise((resolve) => setTimeout(resolve, DETACH_MS).unref())
    await Promise.race([Promise.all(this.#detaching.keys()), timeIsUp])
    const nodes = [...new Set(this.#detaching.values())]
    if (nodes.length > 0) this.#log.warn({ nodes }, 'detaching takes long: it is left to the kernel, which ends it by itself')
    this.#source?.drain()
    this.takeLosses()
    this.#floods.close()
    for (const { blocks } of this.#nodes.values()) blocks.close()
  }

  #now(): number {
    return this.#source?.now() ?? Number(process.hrtime.bigint())
  }

  #attach(node: Node, target: NodeProcess): void {
    const about = { node: node.node, pid: target.pid, executable: target.executable }
    try {
      const attachment = this.#source?.attach(target)
      if (attachment === undefined) return
      node.attached(attachment)
      this.#logged.delete(node)
      this.#logProbes(node)
      const probes = node.probes.filter(({ attached }) => attached).length
      if (this.#source?.replay !== undefined) return // that it is replayed is said where it begins
      if (probes > 0) this.#log.info({ ...about, probes, restarts: node.restarts }, 'attached to bitcoind')
      else if (!attachment.probes.some(({ offered }) => offered))
        this.#log.error(about, 'nothing to measure here: it takes a bitcoind with FIBRE that was built with USDT tracing')
      else this.#log.error(about, 'no tracepoint of this bitcoind could be attached')
    } catch (error) {
      const reason = (error as Error).message
      if (reason !== node.attachError) this.#log.error({ ...about, err: error }, 'cannot attach to bitcoind; trying again')
      node.attachFailed(reason)
    }
  }

  /** Attaches to what could not be attached before; what is attached stays as it is. */
  #tryAgain(node: Node, target: NodeProcess): void {
    const { attachment } = node
    if (attachment === undefined) {
      this.#attach(node, target)
      return
    }
    try {
      attachment.retry?.()
    } catch (error) {
      this.#log.debug({ node: node.node, pid: target.pid, err: error }, 'cannot try again: bitcoind is ending')
    }
    node.tried()
    this.#logProbes(node)
  }

  /** Says what is not attached, once for each change of state. */
  #logProbes(state: Node): void {
    const { node, probes } = state
    const before = this.#logged.get(state)
    const now = new Map(probes.map((probe) => [probe.probe, JSON.stringify(probe)]))
    this.#logged.set(state, now)
    for (const { probe, attached, reason, refused, missingFields, missingPlaces } of probes) {
      if (before?.get(probe) === now.get(probe)) continue
      if (!attached) this.#log.warn({ node, probe, reason }, refused ? 'tracepoint not attached; trying again' : 'tracepoint not attached')
      if (missingFields) this.#log.warn({ node, probe, fields: missingFields }, 'tracepoint lacks fields in this build')
      if (missingPlaces) this.#log.warn({ node, probe, reasons: missingPlaces }, 'tracepoint attached, but not at all its places')
      else if (attached && before) this.#log.info({ node, probe }, 'tracepoint attached')
    }
  }

  #detach(node: Node, attachment: Attachment): void {
    const detaching = attachment.close().finally(() => this.#detaching.delete(detaching))
    this.#detaching.set(detaching, node.node)
  }
}
