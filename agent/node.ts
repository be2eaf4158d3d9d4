import { Blocks, type BlocksOptions, type OutcomeListener } from './blocks/blocks.ts'
import type { Mechanism } from './blocks/race.ts'
import type { TargetStatus } from './http/status.ts'
import type { NodeState } from './metrics/self.ts'
import type { Attachment, NodeProcess, ProbeState } from './sources/source.ts'
import { blockConnected } from './tracepoints/block-connected.ts'
import { blockRaceTime } from './tracepoints/block-race-time.ts'
import type { Tracepoint } from './tracepoints/define.ts'
import { requiredProbes, type TracepointEvent, tracepoints } from './tracepoints/index.ts'

/** What could not be attached is tried again after this time. */
const RETRY_MS = 10_000

/** What is known of one node, through all the processes that it has had. */
export class Node implements NodeState {
  readonly node: string
  readonly blocks: Blocks
  readonly lost = new Map<string, number>()
  readonly fieldErrors = new Map<string, Map<string, number>>()
  readonly #wins: Record<Mechanism, number> = { fibre_udp: 0, bip152_cmpct: 0, other: 0 }
  #target: NodeProcess | undefined
  #lastTarget: NodeProcess | undefined
  #attachment: Attachment | undefined
  #attachError: string | undefined
  #triedAtMs = 0
  #processes = 0
  #connected = 0
  #lastHeight: number | undefined
  #lastBlockAt: Date | undefined

  constructor(node: string, listener: OutcomeListener, options: BlocksOptions = {}) {
    this.node = node
    const count: OutcomeListener = (outcome, block) => {
      if (outcome === 'won' && block.winner) this.#wins[block.winner]++
      listener(outcome, block)
    }
    this.blocks = new Blocks(node, count, options)
  }

  get isUp(): boolean {
    return this.#target !== undefined
  }

  /** Whether it has been seen running. */
  get wasUp(): boolean {
    return this.#lastTarget !== undefined
  }

  get target(): NodeProcess | undefined {
    return this.#target
  }

  get attachment(): Attachment | undefined {
    return this.#attachment
  }

  /** Why nothing at all could be attached, if so. */
  get attachError(): string | undefined {
    return this.#attachError
  }

  get restarts(): number {
    return Math.max(0, this.#processes - 1)
  }

  /** Tracepoints that should be attached: those that every node has, and others that this process offers. */
  get probes(): readonly ProbeState[] {
    const states = new Map(this.#attachment?.probes.map((state) => [state.probe, state]))
    return tracepoints
      .filter(({ probe }) => requiredProbes.has(probe) || states.get(probe)?.offered)
      .map(
        ({ probe }) =>
          states.get(probe) ?? { probe, offered: false, attached: false, reason: this.#attachError ?? 'bitcoind is not running' },
      )
  }

  started(target: NodeProcess): void {
    this.#target = target
    this.#lastTarget = target
    this.#processes++
  }

  attached(attachment: Attachment): void {
    this.#attachment = attachment
    this.#attachError = undefined
    this.tried()
  }

  /** What can be attached of the tracepoints was; the rest is due for another try after a while. */
  tried(): void {
    this.#triedAtMs = performance.now()
    const isAttached = (wanted: string) => this.probes.some(({ probe, attached }) => probe === wanted && attached)
    this.blocks.racesVisible = isAttached(blockRaceTime.probe)
    this.blocks.connectionsVisible = isAttached(blockConnected.probe)
  }

  attachFailed(reason: string): void {
    this.#attachError = reason
    this.#triedAtMs = performance.now()
  }

  /** Whether something could not be attached that may be by now. */
  get isRetryDue(): boolean {
    if (!this.isUp || performance.now() - this.#triedAtMs < RETRY_MS) return false
    return this.#attachError !== undefined || (this.#attachment?.probes.some(({ refused }) => refused) ?? false)
  }

  /** The process ended at that time (CLOCK_MONOTONIC, ns). */
  ended(nowNs: number): void {
    this.#target = undefined
    this.#attachment = undefined
    this.#attachError = undefined
    this.blocks.processEnded(nowNs)
  }

  observe(event: TracepointEvent, tracepoint: Tracepoint, failed: readonly string[]): void {
    if (event.probe === 'validation:block_connected') this.#connected++
    const isRace = event.probe === 'udp:block_race_winner' || event.probe === 'udp:block_race_time'
    if (event.probe === 'validation:block_connected' || (isRace && !this.blocks.connectionsVisible)) {
      this.#lastHeight = event.height ?? this.#lastHeight
      this.#lastBlockAt = new Date(event.unixSeconds * 1e3)
    }
    for (const field of failed) this.#countFieldError(tracepoint.eventType, field)
    this.blocks.observe(event)
  }

  /** Takes over how many events were lost by now. What was open while some were is not judged. */
  setLost(eventType: string, lost: number): void {
    if (lost === (this.lost.get(eventType) ?? 0)) return
    this.lost.set(eventType, lost)
    this.blocks.excuseOpen()
  }

  /** `undefined` until the node has been seen running. */
  status(): TargetStatus | undefined {
    if (this.#lastTarget === undefined) return undefined
    return {
      node: this.node,
      pid: this.#lastTarget.pid,
      executable: this.#lastTarget.executable,
      up: this.isUp,
      probes: this.probes,
      blocks: this.#connected,
      fibreWins: this.#wins.fibre_udp,
      compactWins: this.#wins.bip152_cmpct,
      otherWins: this.#wins.other,
      lastHeight: this.#lastHeight,
      lastBlockAt: this.#lastBlockAt,
      eventsLost: [...this.lost.values()].reduce((sum, lost) => sum + lost, 0),
    }
  }

  #countFieldError(eventType: string, field: string): void {
    const fields = this.fieldErrors.get(eventType) ?? new Map<string, number>()
    this.fieldErrors.set(eventType, fields)
    fields.set(field, (fields.get(field) ?? 0) + 1)
  }
}
