import { type Watch, watchReadable } from '../../../native/watch.ts'
import type { Ring } from './ring.ts'

/** Records that are handled before other work of the process gets its turn. */
const BATCH = 256
/**
 * This many wake-ups within this time, 320 a second, are a load under which waking for each record costs more than coming by timer.
 * A block's few records are none.
 */
const BUSY_WAKEUPS = 64
const BUSY_WINDOW_MS = 200
/** Between two drains of the ring under such a load. */
const DRAIN_INTERVAL_MS = 50
/** The load is over after this many drains in a row that found so few records. */
const QUIET_DRAINS = 2
const QUIET_RECORDS = 10

export interface RingReaderOptions {
  readonly fd: number
  readonly ring: Pick<Ring, 'read' | 'written'>
  /** Hands on at most so many records and returns how many; must not throw. */
  readonly drain: (most: number) => number
  /** Tells the kernel program whether the reader comes by itself, so that it need not be woken. */
  readonly setDraining: (isDraining: boolean) => void
}

/** Moves records as they come: woken for each while they are few, by a short timer while they are many. */
export class RingReader {
  readonly #options: RingReaderOptions
  readonly #watch: Watch
  #wakeups = 0
  #windowStart = 0
  #timer: NodeJS.Timeout | undefined
  #moved = 0
  #quietDrains = 0
  #isClosed = false

  constructor(options: RingReaderOptions) {
    this.#options = options
    this.#watch = watchReadable(options.fd, () => this.#wake())
  }

  /** Moves all that is there now; what comes meanwhile may have no end. */
  drain(): void {
    const { ring, drain } = this.#options
    for (const end = ring.written; ring.read < end; ) if (drain(BATCH) < BATCH) return
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#watch.close()
  }

  #wake(): void {
    if (this.#isClosed) return
    if (this.#timer) {
      this.#move() // the ring is filling up
      return
    }
    const now = performance.now()
    if (now - this.#windowStart > BUSY_WINDOW_MS) {
      this.#windowStart = now
      this.#wakeups = 0
    }
    if (++this.#wakeups >= BUSY_WAKEUPS) this.#startDraining()
    else this.#drainBatch()
  }

  #move(): number {
    const count = this.#options.drain(BATCH)
    this.#moved += count
    return count
  }

  #drainBatch(): void {
    if (this.#isClosed) return
    if (this.#move() === BATCH) setImmediate(() => this.#drainBatch())
  }

  #startDraining(): void {
    this.#options.setDraining(true)
    this.#quietDrains = 0
    this.#timer = setTimeout(() => this.#tick(), 0)
  }

  #tick(): void {
    if (this.#isClosed) return
    if (this.#move() === BATCH) {
      setImmediate(() => this.#tick())
      return
    }
    this.#quietDrains = this.#moved <= QUIET_RECORDS ? this.#quietDrains + 1 : 0
    this.#moved = 0
    if (this.#quietDrains < QUIET_DRAINS) {
      this.#timer = setTimeout(() => this.#tick(), DRAIN_INTERVAL_MS)
      return
    }
    this.#timer = undefined
    this.#wakeups = 0
    this.#options.setDraining(false)
    this.#catchUp()
  }

  /** A record that was begun before the kernel program saw that it has to wake the reader wakes nobody, nor do those behind it. */
  #catchUp(): void {
    if (this.#isClosed || this.#timer) return
    this.#move()
    const { ring } = this.#options
    if (ring.read < ring.written) setImmediate(() => this.#catchUp())
  }
}
