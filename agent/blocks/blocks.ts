import type { TracepointEvent } from '../tracepoints/index.ts'
import { type Mechanism, mechanismOf, type Race, type Racer, raceOf, racers } from './race.ts'

/** A block for which no race has come by then, by the events' own time, came without one. */
const RACE_WAIT_NS = 5e9
/** A block that was announced but not connected by then is given up. */
const CONNECT_WAIT_NS = 600e9
/** `block_race_winner` follows the connection by 0.1 to 5 ms; a process that ends sooner may have owed us a race. */
const RACE_LAG_NS = 50e6
/** Blocks that are open at once; initial block download connects more than that within the wait. */
const MAX_OPEN = 4096
/** Blocks that make room together when there are too many. */
const CLOSE_TOGETHER = 256
/** Hashes that are remembered after their block was closed, so that none counts twice. */
const MAX_CLOSED = 4096

/** All that bitcoind has said of one block. */
export interface Block {
  readonly node: string
  readonly hash: string
  readonly height: number | undefined
  readonly reconstruction: Reconstruction | undefined
  /** CLOCK_MONOTONIC, ns. */
  readonly connectedNs: number | undefined
  readonly winner: Mechanism | undefined
  readonly winnerPeer: string | undefined
  readonly race: Race | undefined
  /** Blocks won since each mechanism last won one, this one included. */
  readonly sinceWin: Readonly<Record<Racer, number>> | undefined
}

export interface Reconstruction {
  readonly seconds: number | undefined
  readonly chunksUsed: number | undefined
  readonly chunksReceived: number | undefined
}

/**
 * What can become known of a block, each at most once for a hash:
 * `won` who delivered it, `timed` when each mechanism started, `decided` both of these, `withoutRace` that no race came;
 * `closed` ends it.
 */
export type Outcome = 'won' | 'timed' | 'decided' | 'withoutRace' | 'closed'
export type OutcomeListener = (outcome: Outcome, block: Block) => void

type OpenBlock = { -readonly [Key in keyof Block]: Block[Key] } & { readonly firstNs: number; excused: boolean }

/** Joins the events of one node's blocks by hash and tells their races. Memory is bounded whatever arrives. */
export class Blocks {
  readonly #node: string
  readonly #listener: OutcomeListener
  readonly #checkLosses: () => void
  readonly #open = new Map<string, OpenBlock>()
  readonly #closed = new Set<string>()
  readonly #sinceWin: Record<Racer, number> = { fibre_udp: 0, bip152_cmpct: 0 }
  /** Whether races can be seen at all: without `block_race_time` no block is said to have come without one. */
  racesVisible = true

  /** `checkLosses` is called before blocks are judged early; it calls `excuseOpen` if events were lost since. */
  constructor(node: string, listener: OutcomeListener, checkLosses: () => void = () => {}) {
    this.#node = node
    this.#listener = listener
    this.#checkLosses = checkLosses
  }

  /** Takes an event in. Events of one block may come in any order. */
  observe(event: TracepointEvent): void {
    switch (event.probe) {
      case 'udp:block_reconstructed':
        this.#update(event, (block) => {
          block.reconstruction ??= {
            seconds: event.durationUs === undefined ? undefined : event.durationUs / 1e6,
            chunksUsed: event.chunksUsed,
            chunksReceived: event.chunksReceived,
          }
        })
        break
      case 'validation:block_connected':
        this.#update(event, (block) => {
          block.connectedNs ??= event.stampNs
        })
        break
      case 'udp:block_race_winner':
        this.#update(event, (block) => this.#win(block, event.winner, event.winnerPeer))
        break
      case 'udp:block_race_time':
        this.#update(event, (block) => this.#time(block, event.udpNs, event.cmpctNs))
        break
    }
  }

  /** Closes what has waited long enough at that time (CLOCK_MONOTONIC, ns). */
  advance(nowNs: number): void {
    for (const block of this.#open.values()) {
      const dueNs = block.connectedNs === undefined ? block.firstNs + CONNECT_WAIT_NS : block.connectedNs + RACE_WAIT_NS
      if (dueNs <= nowNs) this.#close(block)
    }
  }

  /** Events were lost: nothing is said of what did not come for the blocks that are open now. */
  excuseOpen(): void {
    for (const block of this.#open.values()) block.excused = true
  }

  /** The process ended at that time (CLOCK_MONOTONIC, ns): a race that it still owed will not come. */
  processEnded(nowNs: number): void {
    for (const block of this.#open.values()) if ((block.connectedNs ?? nowNs) > nowNs - RACE_LAG_NS) block.excused = true
  }

  #update(
    event: { readonly blockHash: string | undefined; readonly stampNs: number; readonly height?: number | undefined },
    change: (block: OpenBlock) => void,
  ): void {
    const hash = event.blockHash
    if (hash === undefined || this.#closed.has(hash)) return
    const block = this.#open.get(hash) ?? this.#begin(hash, event.stampNs)
    block.height ??= event.height
    change(block)
    if (block.connectedNs !== undefined && block.winner !== undefined && block.race !== undefined) this.#close(block)
  }

  #begin(hash: string, firstNs: number): OpenBlock {
    if (this.#open.size >= MAX_OPEN) this.#makeRoom()
    const block: OpenBlock = {
      node: this.#node,
      hash,
      height: undefined,
      reconstruction: undefined,
      connectedNs: undefined,
      winner: undefined,
      winnerPeer: undefined,
      race: undefined,
      sinceWin: undefined,
      firstNs,
      excused: !this.racesVisible,
    }
    this.#open.set(hash, block)
    return block
  }

  #win(block: OpenBlock, winner: string | undefined, peer: string | undefined): void {
    if (winner === undefined || block.winner !== undefined) return
    block.winner = mechanismOf(winner)
    block.winnerPeer = peer
    for (const racer of racers) this.#sinceWin[racer] = racer === block.winner ? 0 : this.#sinceWin[racer] + 1
    block.sinceWin = { ...this.#sinceWin }
    this.#listener('won', block)
    if (block.race !== undefined) this.#listener('decided', block)
  }

  #time(block: OpenBlock, udpNs: number | undefined, cmpctNs: number | undefined): void {
    if (udpNs === undefined || cmpctNs === undefined || block.race !== undefined) return
    block.race = raceOf(udpNs, cmpctNs)
    if (block.race === undefined) return
    this.#listener('timed', block)
    if (block.winner !== undefined) this.#listener('decided', block)
  }

  #makeRoom(): void {
    this.#checkLosses()
    for (const block of this.#open.values().take(CLOSE_TOGETHER)) this.#close(block)
  }

  #close(block: OpenBlock): void {
    this.#open.delete(block.hash)
    this.#closed.add(block.hash)
    if (this.#closed.size > MAX_CLOSED) {
      const [oldest] = this.#closed
      if (oldest !== undefined) this.#closed.delete(oldest)
    }
    const raced = block.winner !== undefined || block.race !== undefined
    if (block.connectedNs !== undefined && !raced && !block.excused) this.#listener('withoutRace', block)
    this.#listener('closed', block)
  }
}
