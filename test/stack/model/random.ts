/** Random numbers that are the same for the same seed (mulberry32). */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  uniform(low = 0, high = 1): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 15), z | 1)
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61)
    return low + ((high - low) * ((z ^ (z >>> 14)) >>> 0)) / 2 ** 32
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
