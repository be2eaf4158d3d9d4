import { wallClockNs } from '../../../native/libc.ts'

/** The wall clock, and CLOCK_MONOTONIC right before and after it was read; all in ns. */
export interface ClockReading {
  readonly beforeNs: bigint
  readonly wallNs: bigint
  readonly afterNs: bigint
}

/** Between which two values the offset of the wall clock lies. */
interface Bounds {
  readonly lowNs: bigint
  readonly highNs: bigint
}

// Read in this order, so that the time is never too early and no event seems to come before its stamp.
const sinceOriginMs = performance.now()
const originNs = Number(process.hrtime.bigint()) - sinceOriginMs * 1e6

/** CLOCK_MONOTONIC, in ns. Node.js has it as a bigint, which costs more than an event may. */
export const monotonicNs = (): number => originNs + performance.now() * 1e6

/** One of so many readings is not interrupted: it takes a µs or less. */
const TRIES = 10

/**
 * CLOCK_REALTIME against CLOCK_MONOTONIC, of which the stamps are. The kernel slews both together, so their offset stays as it
 * is until somebody steps the wall clock or the machine sleeps: a reading that contradicts it tells of that.
 */
export class WallClock {
  readonly #read: () => ClockReading
  #bounds: Bounds
  #offsetSeconds: number

  constructor(read: () => ClockReading = readClocks) {
    this.#read = read
    this.#bounds = this.#measure()
    this.#offsetSeconds = middleSeconds(this.#bounds)
  }

  /** Unix time at stamp 0, in seconds. */
  offsetSeconds(): number {
    const { lowNs, highNs } = boundsOf(this.#read())
    if (lowNs <= this.#bounds.highNs && highNs >= this.#bounds.lowNs) return this.#offsetSeconds
    this.#bounds = this.#measure()
    this.#offsetSeconds = middleSeconds(this.#bounds)
    return this.#offsetSeconds
  }

  #measure(): Bounds {
    let best = boundsOf(this.#read())
    for (let i = 1; i < TRIES; i++) {
      const next = boundsOf(this.#read())
      if (next.highNs - next.lowNs < best.highNs - best.lowNs) best = next
    }
    return best
  }
}

function readClocks(): ClockReading {
  const beforeNs = process.hrtime.bigint()
  const wallNs = wallClockNs()
  return { beforeNs, wallNs, afterNs: process.hrtime.bigint() }
}

function boundsOf({ beforeNs, wallNs, afterNs }: ClockReading): Bounds {
  return { lowNs: wallNs - afterNs, highNs: wallNs - beforeNs }
}

function middleSeconds({ lowNs, highNs }: Bounds): number {
  const ns = (lowNs + highNs) / 2n
  return Number(ns / 1_000_000_000n) + Number(ns % 1_000_000_000n) / 1e9
}
