import { Blocks, type BlocksOptions } from '../blocks/blocks.ts'
import type { MilestoneListener } from '../blocks/milestone.ts'
import type { Mechanism } from '../blocks/race.ts'
import { isMessageEvent } from '../blocks/relay/message.ts'
import type { Attachment, NodeProcess, ProbeState } from '../sources/source.ts'
import { blockConnected } from '../tracepoints/block-connected.ts'
import { blockRaceTime } from '../tracepoints/block-race-time.ts'
import type { Tracepoint } from '../tracepoints/define.ts'
import { isBlockEvent, isFibreBuild, requiredOf, type TracepointEvent, tracepoints } from '../tracepoints/index.ts'
import { inboundMessage } from '../tracepoints/net/inbound-message.ts'
import type { NodeSnapshot } from './snapshot.ts'

export interface NodeOptions extends BlocksOptions {
  /** Those that are measured; all unless given. */
  readonly tracepoints?: readonly Tracepoint[] | undefined
}

/** One node, through all the processes that it has had. */
export class Node {
  readonly name: string
  readonly blocks: Blocks
  readonly #tracepoints: readonly Tracepoint[]
  readonly #lost = new Map<string, number>()
  readonly #fieldErrors = new Map<string, Map<string, number>>()
  readonly #wins: Record<Mechanism, number> = { fibre_udp: 0, bip152_cmpct: 0, other: 0 }
  #process: NodeProcess | undefined
  #lastProcess: NodeProcess | undefined
  #attachment: Attachment | undefined
  #attachError: string | undefined
  /** Tracepoints that the last executable offered. */
  #offered: ReadonlySet<string> = new Set()
  #hasFibre: boolean | undefined
  #hadFibre = false
  #processes = 0
  #connected = 0
  #lastHeight: number | undefined
  /** Unix time, seconds. */
  #lastBlockAt: number | undefined

  constructor(name: string, listener: MilestoneListener, options: NodeOptions = {}) {
    this.name = name
    this.#tracepoints = options.tracepoints ?? tracepoints
    this.blocks = new Blocks(
      name,
      (milestone, block) => {
        if (milestone === 'won' && block.winner) this.#wins[block.winner]++
        listener(milestone, block)
      },
      options,
    )
  }

  get isUp(): boolean {
    return this.#process !== undefined
  }

  /** The process that runs. */
  get process(): NodeProcess | undefined {
    return this.#process
  }

  get attachment(): Attachment | undefined {
    return this.#attachment
  }

  get attachError(): string | undefined {
    return this.#attachError
  }

  /** Whether its executable has tracepoints of FIBRE that are measured; `undefined` until that is known. */
  get hasFibre(): boolean | undefined {
    return this.#hasFibre
  }

  /** Whether it has none of the tracepoints that tell of blocks, of those that are measured, although FIBRE's are among them. */
  get isBlockless(): boolean {
    return this.hasFibre === false && !this.#tracepoints.some(({ probe }) => probe === blockConnected.probe)
  }

  /** Whether an executable of it had them before, and the last one has none. */
  get hasLostFibre(): boolean {
    return this.#hadFibre && this.#hasFibre === false
  }

  get probes(): readonly ProbeState[] {
    const required = requiredOf(this.#offered)
    const states = new Map(this.#attachment?.probes.map((state) => [state.probe, state]))
    return this.#tracepoints
      .filter(({ probe }) => required.has(probe) || this.#offered.has(probe))
      .map(
        ({ probe }) =>
          states.get(probe) ?? { probe, offered: false, attached: false, reason: this.#attachError ?? 'bitcoind is not running' },
      )
  }

  processStarted(process: NodeProcess): void {
    this.#process = process
    this.#lastProcess = process
    this.#processes++
  }

  /** The process ended at that time (CLOCK_MONOTONIC, ns). */
  processExited(nowNs: number): void {
    this.#process = undefined
    this.#attachment = undefined
    this.#attachError = undefined
    this.blocks.processEnded(nowNs)
  }

  attached(attachment: Attachment): void {
    this.#attachment = attachment
    this.#attachError = undefined
    this.probesChanged()
  }

  attachFailed(reason: string): void {
    this.#attachError = reason
  }

  /** Other tracepoints may be offered, or attached, than before: they decide what can be known of blocks. */
  probesChanged(): void {
    this.#offered = new Set(this.#attachment?.probes.filter(({ offered }) => offered).map(({ probe }) => probe))
    const isKindKnown = this.#attachment?.isKindKnown !== false && this.#tracepoints.some(({ group }) => group === 'fibre')
    this.#hasFibre = isKindKnown ? isFibreBuild(this.#offered) : undefined
    this.#hadFibre ||= this.#hasFibre === true
    const isAttached = (wanted: string) => this.probes.some(({ probe, attached }) => probe === wanted && attached)
    this.blocks.racesVisible = isAttached(blockRaceTime.probe)
    this.blocks.connectionsVisible = isAttached(blockConnected.probe)
    this.blocks.messagesVisible = isAttached(inboundMessage.probe)
  }

  take(event: TracepointEvent, tracepoint: Tracepoint, failed: readonly string[]): void {
    if (event.probe === 'validation:block_connected') this.#connected++
    const isRace = event.probe === 'udp:block_race_winner' || event.probe === 'udp:block_race_time'
    if (event.probe === 'validation:block_connected' || (isRace && !this.blocks.connectionsVisible)) {
      this.#lastHeight = event.height ?? this.#lastHeight
      this.#lastBlockAt = event.unixSeconds
    }
    for (const field of failed) this.#countFieldError(tracepoint.eventType, field)
    if (isBlockEvent(event)) this.blocks.observe(event)
    else if (isMessageEvent(event)) this.blocks.observeMessage(event)
    else if (event.probe === 'net:compact_block_reconstructed') this.blocks.observeReconstruction(event)
  }

  /** So many more events were lost until that time (CLOCK_MONOTONIC, ns). Nothing is said of what did not come for the blocks that are open now. */
  takeLoss(eventType: string, lost: number, nowNs: number): void {
    this.#lost.set(eventType, (this.#lost.get(eventType) ?? 0) + lost)
    this.blocks.excuseOpen(nowNs)
  }

  snapshot(replay?: NodeSnapshot['replay']): NodeSnapshot {
    return {
      node: this.name,
      isUp: this.isUp,
      process: this.#lastProcess,
      replay,
      restarts: Math.max(0, this.#processes - 1),
      attachError: this.#attachError,
      probes: this.probes,
      hasFibre: this.hasFibre,
      hasLostFibre: this.hasLostFibre,
      isBlockless: this.isBlockless,
      isCatchingUp: this.isUp && this.blocks.connectionsVisible ? this.blocks.isCatchingUp : undefined,
      connected: this.#connected,
      wins: this.#wins,
      lastHeight: this.#lastHeight,
      lastBlockAt: this.#lastBlockAt === undefined ? undefined : new Date(this.#lastBlockAt * 1e3),
      lost: this.#lost,
      fieldErrors: this.#fieldErrors,
    }
  }

  #countFieldError(eventType: string, field: string): void {
    const fields = this.#fieldErrors.get(eventType) ?? new Map<string, number>()
    this.#fieldErrors.set(eventType, fields)
    fields.set(field, (fields.get(field) ?? 0) + 1)
  }
}
