/** Less is not worth a collection, which stands the agent still for some 20 ms. */
const WORTH_BYTES = 24 * 1024 * 1024
const REST_MS = 20_000

/**
 * Gives memory back after a burst of work. V8 collects garbage when it takes room for more, so what a flood of clients has left would
 * stay for as long as nothing happens. Takes Node.js's --expose-gc; without it nothing is done.
 */
export class MemoryReturn {
  readonly #residentBytes: () => number
  readonly #collect: (() => void) | undefined
  /** The least since the last collection. */
  #least = Number.POSITIVE_INFINITY
  #collectedAt = Number.NEGATIVE_INFINITY

  constructor(residentBytes = () => process.memoryUsage.rss(), collect = globalThis.gc && (() => globalThis.gc?.())) {
    this.#residentBytes = residentBytes
    this.#collect = collect
  }

  /** To be called every second or so. */
  look(now: number): void {
    if (!this.#collect || now - this.#collectedAt < REST_MS) return
    const resident = this.#residentBytes()
    this.#least = Math.min(this.#least, resident)
    if (resident < this.#least + WORTH_BYTES) return
    this.#collect()
    this.#collectedAt = now
    this.#least = this.#residentBytes()
  }
}
