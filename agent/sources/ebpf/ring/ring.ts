import { type Mapping, mapMemory, pageSize } from '../../../native/libc.ts'

const BUSY = 0x8000_0000 | 0
const HEADER_LENGTH = 8

/** Takes a record that begins at this offset of the ring's memory, and what it fills there in bytes. It is the kernel's again after the call. */
export type RecordHandler = (offset: number, filled: number) => void

/**
 * Reads a BPF ring buffer through a mapping of our own. Page 0 holds the reader's position, page 1 the kernel's, then come
 * the records; the kernel shows them twice in a row, so that one that crosses the end can be read in one piece.
 */
export class Ring {
  /** Memory of the records; valid only while the ring is open. */
  readonly memory: ArrayBuffer
  readonly #own: Mapping
  readonly #kernel: Mapping
  readonly #published: BigUint64Array
  readonly #produced: BigUint64Array
  readonly #headers: Int32Array
  readonly #data: number
  readonly #mask: number
  #position: number
  #mostUnreadBytes = 0

  /** `size`: of the map, in bytes, a power of two. A record is shorter than a page. */
  constructor(fd: number, size: number) {
    const page = pageSize()
    this.#own = mapMemory(fd, 0, page, true)
    // Of the second showing one page is enough; mapping all of it would double the resident memory.
    this.#kernel = mapMemory(fd, page, page + size + page, false)
    this.memory = this.#kernel.memory
    this.#published = new BigUint64Array(this.#own.memory, 0, 1)
    this.#produced = new BigUint64Array(this.memory, 0, 1)
    this.#headers = new Int32Array(this.memory)
    this.#data = page
    this.#mask = size - 1
    this.#position = Number(Atomics.load(this.#published, 0))
  }

  /**
   * Hands on what is there, `most` records at most, and returns how many. Fewer than `most` means that the ring was empty
   * after its position was published: the next record wakes the reader.
   */
  drain(handle: RecordHandler, most: number): number {
    let count = 0
    while (count < most) {
      const start = this.#position
      const end = this.written
      this.#mostUnreadBytes = Math.max(this.#mostUnreadBytes, end - start)
      while (this.#position < end && count < most) {
        const offset = this.#data + (this.#position & this.#mask)
        const header = Atomics.load(this.#headers, offset >> 2)
        if (header & BUSY) break // still being written
        const filled = HEADER_LENGTH + ((header + 7) & ~7)
        handle(offset + HEADER_LENGTH, filled)
        count++
        this.#position += filled
      }
      if (this.#position === start) break
      Atomics.store(this.#published, 0, BigInt(this.#position))
    }
    return count
  }

  /** Bytes that were read since the ring was made. */
  get read(): number {
    return this.#position
  }

  /** Bytes that were written since the ring was made, also such as are still being written. */
  get written(): number {
    return Number(Atomics.load(this.#produced, 0))
  }

  /** Bytes of records that were not read, also of such as are still being written. */
  get unreadBytes(): number {
    return this.written - this.read
  }

  /** Most bytes that `drain` has found unread. */
  get mostUnreadBytes(): number {
    return this.#mostUnreadBytes
  }

  /** Offset of the oldest record that was written and not read, if there is one. */
  oldestUnread(): number | undefined {
    if (this.unreadBytes === 0) return undefined
    return this.#data + (this.#position & this.#mask) + HEADER_LENGTH
  }

  close(): void {
    this.#own.unmap()
    this.#kernel.unmap()
  }
}
