import { setImmediate, setTimeout } from 'node:timers/promises'

/** Pages and scrapes are to be answered while a recording is replayed as fast as possible. */
const TURN_MS = 10

/** Lets a recording's time pass at a speed: 1 is real time, Infinity as fast as possible. */
export class Pace {
  readonly #speed: number
  readonly #signal: AbortSignal
  #startNs = 0
  #startMs = 0
  #turnMs = 0

  constructor(speed: number, signal: AbortSignal) {
    this.#speed = speed
    this.#signal = signal
  }

  /** It is that time now. */
  startAt(ns: number): void {
    this.#startNs = ns
    this.#startMs = performance.now()
  }

  /** Waits for a time of the recording, but not once the signal was given. */
  async until(ns: number): Promise<void> {
    const nowMs = performance.now()
    const delayMs = this.#startMs + (ns - this.#startNs) / 1e6 / this.#speed - nowMs
    if (delayMs >= 1) await this.#sleep(delayMs)
    else if (nowMs - this.#turnMs >= TURN_MS) await setImmediate()
    else return
    this.#turnMs = performance.now()
  }

  async #sleep(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#signal }).catch(() => {})
  }
}
