import { type Watch, watchReadable } from './libbpf.ts'

/** Records that are handled before other work of the process gets its turn. */
const BATCH = 256
/** This many wake-ups within this time mean a load under which waking for each record costs more than the record. */
const BUSY_WAKEUPS = 16
const BUSY_WINDOW_MS = 20
/** How often the ring is drained under such a load. */
const DRAIN_INTERVAL_MS = 4
/** The load is over after this many drains in a row that found one record at most. */
const QUIET_DRAINS = 4

export interface PumpOptions {
  readonly fd: number
  /** Hands on at most so many records and returns how many; must not throw. */
  readonly drain: (most: number) => number
  /** Tells the kernel program whether the reader comes by itself, so that it need not be woken. */
  readonly setDraining: (isDraining: boolean) => void
}

/** Moves records as they come: woken for each while they are few, by a short timer while they are many. */
export class Pump {
  readonly #options: PumpOptions
  readonly #watch: Watch
  #wakeups = 0
  #windowStart = 0
  #timer: NodeJS.Timeout | undefined
  #quietDrains = 0
  #isClosed = false

  constructor(options: PumpOptions) {
    this.#options = options
    this.#watch = watchReadable(options.fd, () => this.#wake())
  }

  /** Moves all that is there now. */
  drain(): number {
    let sum = 0
    for (;;) {
      const count = this.#options.drain(BATCH)
      sum += count
      if (count < BATCH) return sum
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#watch.close()
  }

  #wake(): void {
    if (this.#isClosed || this.#timer) return
    const now = performance.now()
    if (now - this.#windowStart > BUSY_WINDOW_MS) {
      this.#windowStart = now
      this.#wakeups = 0
    }
    if (++this.#wakeups >= BUSY_WAKEUPS) this.#startDraining()
    else this.#drainBatch()
  }

  #drainBatch(): void {
    if (this.#isClosed) return
    if (this.#options.drain(BATCH) === BATCH) setImmediate(() => this.#drainBatch())
  }

  #startDraining(): void {
    this.#options.setDraining(true)
    this.#quietDrains = 0
    this.#timer = setTimeout(() => this.#tick(), 0)
  }

  #tick(): void {
    if (this.#isClosed) return
    const count = this.#options.drain(BATCH)
    if (count === BATCH) {
      setImmediate(() => this.#tick())
      return
    }
    this.#quietDrains = count <= 1 ? this.#quietDrains + 1 : 0
    if (this.#quietDrains < QUIET_DRAINS) {
      this.#timer = setTimeout(() => this.#tick(), DRAIN_INTERVAL_MS)
      return
    }
    this.#timer = undefined
    this.#wakeups = 0
    this.#options.setDraining(false)
    // What came in before the kernel program saw that woke nobody.
    this.#drainBatch()
  }
}
