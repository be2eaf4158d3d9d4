import type { HttpAnswer } from '../answer.ts'

export const tooMany: HttpAnswer = { status: 429, body: 'Too Many Requests' }

/** A token bucket: lets `burst` requests through at once, and then one more in each interval. */
export class RateLimit {
  readonly #intervalMs: number
  readonly #burst: number
  #tokens: number
  #filledAt = performance.now()

  constructor({ intervalMs, burst }: { readonly intervalMs: number; readonly burst: number }) {
    this.#intervalMs = intervalMs
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes a token, if there is one. */
  take(now = performance.now()): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) / this.#intervalMs)
    this.#filledAt = now
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
