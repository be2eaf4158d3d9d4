/** So many blocks that no peer was heard to relay, within this time, are a chain that the node catches up with. */
const MOST_UNHEARD = 10
const WITHIN_NS = 60e9
/** It has all of it once there was such a pause, and then a block that is news. */
const PAUSE_NS = 1e9

/** A time in which a node connects blocks that it missed. */
export interface CatchUp {
  /** When the first of them was connected, and the last until now: CLOCK_MONOTONIC, ns. */
  readonly firstNs: number
  readonly lastNs: number
  readonly blocks: number
}

/** Told when a node begins to catch up, and when it has. */
export type CatchUpListener = (phase: 'begun' | 'ended', catchUp: CatchUp) => void

interface CatchUpsOptions<Block> {
  /** Time at which a block was connected: CLOCK_MONOTONIC, ns. */
  readonly connectedNs: (block: Block) => number
  /** Time after that by which it is known whether it is news, in ns. */
  readonly decidedNs: () => number
  readonly isNews: (block: Block) => boolean
  /** False where it cannot be known, because events of the block were lost. */
  readonly isCertain: (block: Block) => boolean
  /** Told of each block that the node caught up with. */
  readonly caughtUp: (block: Block) => void
  readonly listener: CatchUpListener
}

/** Recognizes the initial block download, and other times in which a node catches up, by the rate of blocks that are no news. */
export class CatchUps<Block> {
  readonly #options: CatchUpsOptions<Block>
  /** Blocks of which it is not decided whether they are news, in the order in which they were connected. */
  readonly #undecided = new Set<Block>()
  /** When the first of these was connected; called with each event, it is not looked up each time. */
  #firstNs = Number.POSITIVE_INFINITY
  /** Blocks that were no news, while they are open. */
  readonly #unheard = new Set<Block>()
  /** Times of the latest ones, in the order in which they were decided. */
  readonly #latest: number[] = []
  #current: { firstNs: number; lastNs: number; blocks: number } | undefined

  constructor(options: CatchUpsOptions<Block>) {
    this.#options = options
  }

  get isActive(): boolean {
    return this.#current !== undefined
  }

  /** A block was connected. */
  connected(block: Block): void {
    if (this.#undecided.size === 0) this.#firstNs = this.#options.connectedNs(block)
    this.#undecided.add(block)
  }

  /** A block was closed. */
  closed(block: Block): void {
    this.#undecided.delete(block)
    this.#unheard.delete(block)
  }

  /** Decides of the blocks whose race would be known by that time whether they are news. */
  decide(nowNs: number): void {
    if (this.#undecided.size === 0) return
    const untilNs = nowNs - this.#options.decidedNs()
    if (this.#firstNs > untilNs) return
    for (const block of this.#undecided) {
      this.#firstNs = this.#options.connectedNs(block)
      if (this.#firstNs > untilNs) return
      this.settle(block)
    }
  }

  /** Decides of a block now, by what is known of it. */
  settle(block: Block): void {
    if (!this.#undecided.delete(block)) return
    if (this.#options.isNews(block)) this.#endBefore(block)
    else if (this.isActive || this.#options.isCertain(block)) this.#take(block)
  }

  /** Reports whether a block may yet turn out to be one of many, because of others that are undecided. */
  isHeld(block: Block): boolean {
    if (!this.#unheard.has(block)) return false
    const ns = this.#options.connectedNs(block)
    const near = this.#latest.filter((stampNs) => Math.abs(stampNs - ns) <= WITHIN_NS)
    return near.length + this.#undecided.size >= MOST_UNHEARD
  }

  /** Decides what is due, and ends the catching up if it is over at that time. */
  advance(nowNs: number): void {
    this.decide(nowNs)
    if (this.#current && nowNs - this.#current.lastNs > WITHIN_NS) this.end()
  }

  /** Ends the catching up, if there is one. */
  end(): void {
    const ended = this.#current
    if (ended === undefined) return
    this.#current = undefined
    this.#latest.length = 0
    this.#options.listener('ended', ended)
  }

  /** A block that is news is connected after all that the node had missed. */
  #endBefore(news: Block): void {
    if (this.#current && this.#options.connectedNs(news) - this.#current.lastNs >= PAUSE_NS) this.end()
  }

  #take(block: Block): void {
    this.#unheard.add(block)
    this.#note(this.#options.connectedNs(block))
    if (this.#current === undefined) return
    for (const unheard of this.#unheard) {
      this.#current.blocks++
      this.#options.caughtUp(unheard)
    }
    this.#unheard.clear()
  }

  #note(stampNs: number): void {
    if (this.#current) {
      this.#current.lastNs = Math.max(this.#current.lastNs, stampNs)
      return
    }
    this.#latest.push(stampNs)
    if (this.#latest.length > MOST_UNHEARD) this.#latest.shift()
    const [firstNs, lastNs] = [Math.min(...this.#latest), Math.max(...this.#latest)]
    if (this.#latest.length < MOST_UNHEARD || lastNs - firstNs > WITHIN_NS) return
    this.#current = { firstNs, lastNs, blocks: 0 }
    this.#options.listener('begun', this.#current)
  }
}
