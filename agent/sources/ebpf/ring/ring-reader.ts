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
/**
 * Time between two drains under such a load. What a drain runs has left the processor's caches since the last one, which costs as much as ten
 * records and makes each of the first ones dearer. So it waits that long, if many come meanwhile, and else for as many as make up for it.
 */
const SHORTEST_MS = 2
const MANY_RECORDS = 10
const WORTHWHILE_RECORDS = 200
const LONGEST_MS = 200
/** Records come in bursts, of which a shorter time has more or fewer: their rate is that of so long. */
const AVERAGED_MS = 25
/** The load is over once so few records came in so long a time. */
const QUIET_RECORDS = 40
const QUIET_WINDOW_MS = 200

export interface RingReaderOptions {
  readonly fd: number
  readonly ring: Pick<Ring, 'read' | 'written'>
  /** Hands on at most so many records and returns how many; must not throw. */
  readonly drain: (most: number) => number
  /** Tells the kernel program whether the reader comes by itself, so that it need not be woken. */
  readonly setDraining: (isDraining: boolean) => void
}

/** Moves records as they come: woken for each while they are few, by a timer while they are many. */
export class RingReader {
  readonly #options: RingReaderOptions
  readonly #watch: Watch
  #timer: NodeJS.Timeout | undefined
  /** Wake-ups, or under a load records, since the window began. */
  #counted = 0
  #windowStart = 0
  /** Records in a ms. */
  #rate = 0
  /** Records since the last drain by timer was over, and when that was. */
  #moved = 0
  #drainedAt = 0
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
      this.#counted = 0
    }
    if (this.#move() === BATCH || ++this.#counted >= BUSY_WAKEUPS) this.#startDraining()
  }

  #move(): number {
    const count = this.#options.drain(BATCH)
    this.#moved += count
    return count
  }

  #startDraining(): void {
    this.#options.setDraining(true)
    this.#drainedAt = this.#windowStart = performance.now()
    this.#moved = this.#counted = 0
    this.#rate = MANY_RECORDS / SHORTEST_MS
    this.#timer = setTimeout(() => this.#tick(), SHORTEST_MS)
  }

  #tick(): void {
    if (this.#isClosed) return
    if (this.#move() === BATCH) {
      setImmediate(() => this.#tick())
      return
    }
    const now = performance.now()
    const passed = now - this.#drainedAt
    this.#rate += Math.min(1, passed / AVERAGED_MS) * (this.#moved / passed - this.#rate)
    const interval = this.#rate * SHORTEST_MS >= MANY_RECORDS ? SHORTEST_MS : Math.min(WORTHWHILE_RECORDS / this.#rate, LONGEST_MS)
    this.#drainedAt = now
    this.#counted += this.#moved
    this.#moved = 0
    if (now - this.#windowStart >= QUIET_WINDOW_MS) {
      if (this.#counted <= QUIET_RECORDS) {
        this.#stopDraining()
        return
      }
      this.#windowStart = now
      this.#counted = 0
    }
    this.#timer = setTimeout(() => this.#tick(), interval)
  }

  #stopDraining(): void {
    this.#timer = undefined
    this.#counted = 0
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
