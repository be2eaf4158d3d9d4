/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Random values of all kinds, the same for the same seed. */
export class Random {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = randomFrom(seed)
  }

  uniform(low = 0, high = 1): number {
    return low + (high - low) * this.#next()
  }

  integer(low: number, high: number): number {
    return Math.floor(this.uniform(low, high))
  }

  chance(probability: number): boolean {
    return this.uniform() < probability
  }

  /** Time until the next of things that come at random. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.uniform())
  }

  /** Delays on a network: many near the median, a few far above it. */
  logNormal(median: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()))
    return median * Math.exp(sigma * radius * Math.cos(this.uniform(0, 2 * Math.PI)))
  }

  pick<T>(from: readonly [T, ...T[]]): T {
    return from[this.integer(0, from.length)] as T
  }

  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.integer(0, 16).toString(16)).join('')
  }
}
