import type { Logger } from 'pino'
import type { Block } from '../blocks/block.ts'
import type { Milestone } from '../blocks/milestone.ts'
import { type BlockRecord, recordOf } from '../blocks/record.ts'
import type { EventHandler, EventSource, HeldProbe, LoggedMessage, Loss, NodeProcess } from '../sources/source.ts'
import type { Tracepoint } from '../tracepoints/define.ts'
import type { TracepointEvent } from '../tracepoints/index.ts'
import { Attacher } from './attacher.ts'
import { logCatchUp } from './catch-up-log.ts'
import { LossLog } from './loss-log.ts'
import { Node } from './node.ts'
import type { Output } from './output.ts'
import type { NodeSnapshot } from './snapshot.ts'

export interface NodesOptions {
  readonly log: Logger
  /** Those that are measured; all unless given. */
  readonly tracepoints?: readonly Tracepoint[] | undefined
  /** Time within which a block has to be connected, in ms. */
  readonly pendingTimeoutMs?: number | undefined
  /** Returns hashes of a node's blocks that were told of before this agent started. */
  readonly knownBlocks?: ((node: string) => Iterable<string>) | undefined
}

/** All nodes that are known: attaches to their processes as these come and go, takes events in and tells the outputs. */
export class Nodes implements EventHandler {
  readonly #source: EventSource
  readonly #outputs: readonly Output[]
  /** Those that are told of events. */
  readonly #eventOutputs: readonly Output[]
  readonly #options: NodesOptions
  readonly #log: Logger
  readonly #attacher: Attacher
  readonly #lossLog: LossLog
  readonly #nodes = new Map<string, Node>()
  readonly #processed = new Map<string, number>()
  #errors = 0

  constructor(source: EventSource, outputs: readonly Output[], options: NodesOptions) {
    this.#source = source
    this.#outputs = outputs
    this.#eventOutputs = outputs.filter(({ event }) => event)
    this.#options = options
    this.#log = options.log
    this.#attacher = new Attacher(source, options.log)
    this.#lossLog = new LossLog(options.log)
  }

  /** Makes a node known, before or when a process of it is seen. */
  add(name: string): Node {
    const known = this.#nodes.get(name)
    if (known) return known
    const { tracepoints, pendingTimeoutMs, knownBlocks } = this.#options
    const connectWaitNs = pendingTimeoutMs === undefined ? undefined : pendingTimeoutMs * 1e6
    const node = new Node(name, (milestone, block) => this.#publish(milestone, block), {
      tracepoints,
      connectWaitNs,
      onAnnouncement: (announcement) => {
        for (const output of this.#outputs) output.announcement?.(name, announcement)
      },
      onCatchUp: (phase, catchUp) => logCatchUp(this.#log, name, phase, catchUp),
    })
    if (knownBlocks) node.blocks.remember(knownBlocks(name))
    this.#nodes.set(name, node)
    for (const output of this.#outputs) output.nodeAdded?.(name)
    return node
  }

  /** Takes off a node whose process has ended. */
  remove(name: string): void {
    const node = this.#nodes.get(name)
    if (!node || node.isUp) return
    this.#nodes.delete(name)
    node.blocks.close()
    this.#log.info({ node: name }, 'this node ended long ago; its series end here')
    this.#source.forget(name)
    for (const output of this.#outputs) output.nodeRemoved?.(name)
  }

  processStarted(process: NodeProcess): void {
    const node = this.add(process.node)
    node.processStarted(process)
    this.#attacher.attach(node)
    for (const output of this.#outputs) output.processesChanged?.()
  }

  processExited({ node: name, pid, executable }: NodeProcess): void {
    const node = this.add(name)
    const { attachment } = node
    this.#source.drain() // what it said before it ended
    node.processExited(this.#source.now())
    if (attachment) this.#attacher.detach(node, attachment, executable)
    this.#log.warn({ node: name, pid }, 'bitcoind ended; waiting for it to come back')
    for (const output of this.#outputs) output.processesChanged?.()
  }

  event(event: TracepointEvent, tracepoint: Tracepoint, failed: readonly string[]): void {
    const { eventType } = tracepoint
    this.#processed.set(eventType, (this.#processed.get(eventType) ?? 0) + 1)
    for (let i = 0; i < this.#eventOutputs.length; i++) this.#eventOutputs[i]?.event?.(event, tracepoint) // no iterator for each event
    this.#nodes.get(event.node)?.take(event, tracepoint, failed)
  }

  logged(message: LoggedMessage): void {
    this.#nodes.get(message.node)?.blocks.observeLogged(message, message.isFirst)
  }

  lost(loss: Loss): void {
    const node = this.#nodes.get(loss.node)
    if (node === undefined) return
    this.#lossLog.take(loss, this.#source.now())
    node.takeLoss(loss.eventType, loss.lost, this.#source.now())
  }

  error(error: unknown): void {
    this.#errors++
    if (this.#errors === 1) this.#log.error({ err: error }, 'cannot process an event; further ones are only counted')
  }

  /** Runs once a second: closes blocks that are due and tries failed attachments again. */
  tick(): void {
    this.#source.handOnLosses?.()
    const now = this.#source.now()
    const until = now - this.#source.backlogSeconds() * 1e9 // the race that a block waits for may have come, and not be read
    this.#lossLog.advance(now)
    for (const node of this.#nodes.values()) {
      node.blocks.advance(until, now)
      this.#attacher.retry(node)
    }
  }

  snapshot(): readonly NodeSnapshot[] {
    return [...this.#nodes.values()].map((node) => node.snapshot(this.#source.replay))
  }

  /** Attached tracepoints of a node that do not fire although they should: their semaphore is 0. */
  silentProbes(name: string): readonly string[] {
    return this.#nodes.get(name)?.attachment?.silentProbes() ?? []
  }

  /** Tracepoints in which a thread of a node waits for a page of its memory. */
  heldProbes(name: string): readonly HeldProbe[] {
    return this.#nodes.get(name)?.attachment?.heldProbes?.() ?? []
  }

  /** Events taken in, by event type. */
  get eventsProcessed(): ReadonlyMap<string, number> {
    return this.#processed
  }

  /** Events that could not be processed. */
  get eventErrors(): number {
    return this.#errors
  }

  /** Detaches from all processes; the events that came before have then been taken in, and blocks that were connected are closed. */
  async close(): Promise<void> {
    for (const node of this.#nodes.values()) if (node.attachment) this.#attacher.detach(node, node.attachment, node.process?.executable)
    await this.#attacher.detached()
    this.#source.drain()
    this.#lossLog.close()
    for (const { blocks } of this.#nodes.values()) blocks.close()
  }

  #publish(milestone: Milestone, block: Block): void {
    let made: BlockRecord | undefined
    const record = () => {
      made ??= recordOf(block)
      return made
    }
    for (let i = 0; i < this.#outputs.length; i++) this.#outputs[i]?.block?.(milestone, block, record)
  }
}
