import type { blockHeaderChunk } from '../tracepoints/block-header-chunk.ts'
import type { EventOf } from '../tracepoints/define.ts'
import type { BlockEvent } from '../tracepoints/index.ts'
import { addEvent, type Block } from './block.ts'
import { mechanismOf, type Racer, raceOf, racers } from './race.ts'

/** A connected block without a race after this time, by the stamps of events, came without one. */
const RACE_WAIT_NS = 5e9
/** A block that was announced but not connected after this time is closed. */
const CONNECT_WAIT_NS = 600e9
/** A complete block stays open this long for late events, such as its header chunk. */
const LATE_WAIT_NS = 1e9
/** Complete blocks that wait at once. At a block in ten minutes there is one; at the rates of tests they would fill the memory. */
const MAX_COMPLETE = 256
/** `block_race_winner` follows the connection by 0.1 to 5 ms; a process that ends sooner may have been about to fire it. */
const RACE_LAG_NS = 50e6
/** Blocks that are open at once; the initial block download connects more than that within the wait. */
const MAX_OPEN = 4096
/** Blocks that are closed together when too many are open. */
const CLOSE_TOGETHER = 256
/** Hashes that are remembered after their block was closed, so that no block counts twice. */
const MAX_CLOSED = 4096
/** Header chunks that wait for an event with the hash of their block. */
const MAX_WAITING = 1024

/**
 * Milestones of a block, each at most once for a hash: `connected`; `won`: the winner is known; `timed`: the start of each mechanism
 * is known; `decided`: both are; `withoutRace`: no race came; `closed`: nothing more follows.
 */
export type Milestone = 'connected' | 'won' | 'timed' | 'decided' | 'withoutRace' | 'closed'
export type MilestoneListener = (milestone: Milestone, block: Block) => void

export interface BlocksOptions {
  /** Time within which a block has to be connected, in ns. */
  readonly connectWaitNs?: number | undefined
}

type HeaderChunk = EventOf<typeof blockHeaderChunk>
type HashedEvent = Exclude<BlockEvent, HeaderChunk>
type OpenBlock = { -readonly [Key in keyof Block]: Block[Key] } & {
  readonly firstNs: number
  completeNs: number | undefined
  excused: boolean
}

/** Joins the events of one node's blocks by hash and reports their milestones. Memory is bounded whatever arrives. */
export class Blocks {
  readonly #node: string
  readonly #listener: MilestoneListener
  readonly #connectWaitNs: number
  readonly #open = new Map<string, OpenBlock>()
  /** The open blocks by the prefix of the hash that a header chunk has. */
  readonly #openByPrefix = new Map<string, OpenBlock>()
  /** The complete blocks, oldest first. */
  readonly #complete = new Set<OpenBlock>()
  readonly #closed = new Set<string>()
  readonly #headerChunks = new Map<string, HeaderChunk>()
  readonly #sinceWin: Record<Racer, number> = { fibre_udp: 0, bip152_cmpct: 0 }
  /** False without `block_race_time`: then no block is reported to have come without a race. */
  racesVisible = true
  /** False without `block_connected`: then a block is complete once its race is known. */
  connectionsVisible = true

  constructor(node: string, listener: MilestoneListener, options: BlocksOptions = {}) {
    this.#node = node
    this.#listener = listener
    this.#connectWaitNs = options.connectWaitNs ?? CONNECT_WAIT_NS
  }

  /** Takes an event in. Events of one block may come in any order. */
  observe(event: BlockEvent): void {
    if (event.probe === 'udp:block_header_chunk') this.#observeHeaderChunk(event)
    else this.#observeBlock(event)
  }

  /** Takes the hashes of blocks that an earlier run of the agent reported; they are not reported again. */
  remember(hashes: Iterable<string>): void {
    for (const hash of hashes) this.#rememberClosed(hash)
  }

  /** Closes the blocks that are due at that time (CLOCK_MONOTONIC, ns). */
  advance(nowNs: number): void {
    for (const block of this.#open.values()) if (this.#dueNs(block) <= nowNs) this.#close(block)
  }

  /** Closes the connected blocks, because no more events will come. They are not judged to have come without a race. */
  close(): void {
    this.excuseOpen()
    for (const block of this.#open.values()) if (connectedNs(block) !== undefined) this.#close(block)
  }

  /** Excuses the open blocks after a loss: they are not judged by events that did not come. */
  excuseOpen(): void {
    for (const block of this.#open.values()) block.excused = true
  }

  /** Excuses blocks whose race was still to come when the process ended (CLOCK_MONOTONIC, ns). */
  processEnded(nowNs: number): void {
    for (const block of this.#open.values()) if ((connectedNs(block) ?? nowNs) > nowNs - RACE_LAG_NS) block.excused = true
  }

  #observeBlock(event: HashedEvent): void {
    const { blockHash: hash } = event
    if (hash === undefined || this.#closed.has(hash)) return
    const block = this.#open.get(hash) ?? this.#begin(hash, event.stampNs)
    if (!addEvent(block, event)) return
    if (event.probe === 'validation:block_connected') this.#listener('connected', block)
    if (event.probe === 'udp:block_race_winner') this.#win(block, event.winner)
    if (event.probe === 'udp:block_race_time') this.#time(block, event.udpNs, event.cmpctNs)
    const isConnected = connectedNs(block) !== undefined || !this.connectionsVisible
    if (isConnected && block.winner && block.race) this.#completed(block, event.stampNs)
  }

  #observeHeaderChunk(event: HeaderChunk): void {
    const { hashPrefix: prefix } = event
    if (prefix === undefined) return
    const block = this.#openByPrefix.get(prefix)
    if (block) return void addEvent(block, event)
    if (this.#headerChunks.has(prefix)) return
    this.#headerChunks.set(prefix, event)
    if (this.#headerChunks.size > MAX_WAITING) forgetOldest(this.#headerChunks)
  }

  #begin(hash: string, firstNs: number): OpenBlock {
    if (this.#open.size >= MAX_OPEN) this.#makeRoom()
    const block: OpenBlock = {
      node: this.#node,
      hash,
      events: {},
      winner: undefined,
      race: undefined,
      sinceWin: undefined,
      withoutRace: false,
      firstNs,
      completeNs: undefined,
      excused: !this.racesVisible,
    }
    const prefix = prefixOf(hash)
    this.#open.set(hash, block)
    this.#openByPrefix.set(prefix, block)
    const headerChunk = this.#headerChunks.get(prefix)
    if (headerChunk) addEvent(block, headerChunk)
    this.#headerChunks.delete(prefix)
    return block
  }

  #win(block: OpenBlock, winner: string | undefined): void {
    if (winner === undefined) return
    block.winner = mechanismOf(winner)
    for (const racer of racers) this.#sinceWin[racer] = racer === block.winner ? 0 : this.#sinceWin[racer] + 1
    block.sinceWin = { ...this.#sinceWin }
    this.#listener('won', block)
    if (block.race !== undefined) this.#listener('decided', block)
  }

  #time(block: OpenBlock, udpNs: number | undefined, cmpctNs: number | undefined): void {
    if (udpNs === undefined || cmpctNs === undefined) return
    block.race = raceOf(udpNs, cmpctNs)
    if (block.race === undefined) return
    this.#listener('timed', block)
    if (block.winner !== undefined) this.#listener('decided', block)
  }

  #completed(block: OpenBlock, stampNs: number): void {
    if (block.completeNs !== undefined) return
    block.completeNs = stampNs
    this.#complete.add(block)
    if (this.#complete.size > MAX_COMPLETE) for (const first of this.#complete.values().take(1)) this.#close(first)
  }

  #dueNs(block: OpenBlock): number {
    if (block.completeNs !== undefined) return block.completeNs + LATE_WAIT_NS
    const connected = connectedNs(block)
    return connected === undefined ? block.firstNs + this.#connectWaitNs : connected + RACE_WAIT_NS
  }

  #makeRoom(): void {
    for (const block of this.#open.values().take(CLOSE_TOGETHER)) this.#close(block)
  }

  #close(block: OpenBlock): void {
    this.#open.delete(block.hash)
    this.#openByPrefix.delete(prefixOf(block.hash))
    this.#complete.delete(block)
    this.#rememberClosed(block.hash)
    block.withoutRace = connectedNs(block) !== undefined && !hasRace(block) && !block.excused
    if (block.withoutRace) this.#listener('withoutRace', block)
    this.#listener('closed', block)
  }

  #rememberClosed(hash: string): void {
    this.#closed.add(hash)
    if (this.#closed.size > MAX_CLOSED) forgetOldest(this.#closed)
  }
}

const connectedNs = (block: Block) => block.events['validation:block_connected']?.stampNs

/** Reports whether there was a race, even if its fields could not be read. */
function hasRace({ winner, race, events }: Block): boolean {
  if (winner !== undefined || race !== undefined || events['udp:block_race_winner']) return true
  const times = events['udp:block_race_time']
  return times !== undefined && (times.udpNs === undefined || times.cmpctNs === undefined)
}

/** The part of a hash that a header chunk carries: its first 8 little-endian bytes. */
const prefixOf = (hash: string) => hash.slice(-16)

function forgetOldest(memory: Map<string, unknown> | Set<string>): void {
  const [oldest] = memory.keys()
  if (oldest !== undefined) memory.delete(oldest)
}
