import { type Mapping, mapMemory, pageSize } from '../../../native/libc.ts'
import type { StructLayout } from '../program/btf.ts'

/**
 * Hands out shares of the ring to processes, and tells the kernel program what of each was read. A share that another process
 * takes over goes on counting: what was written and what was taken out become equal again by themselves.
 */
export class RingShares {
  readonly #memory: Mapping
  readonly #taken: Uint32Array
  readonly #size: number
  readonly #offset: number
  readonly #free: number[]
  readonly #setShared: (isShared: boolean) => void
  #holders = 0
  /** Bytes that were taken out and not told of yet, by share. */
  readonly #bytes: Uint32Array
  readonly #touched: number[] = []

  /** Descriptor of the map `shares`, how many it has, and what tells the kernel program whether several processes have one. */
  constructor(fd: number, layout: StructLayout<'taken'>, count: number, setShared: (isShared: boolean) => void) {
    const page = pageSize()
    this.#memory = mapMemory(fd, 0, Math.ceil((count * layout.size) / page) * page, true)
    this.#taken = new Uint32Array(this.#memory.memory)
    this.#size = layout.size / 4
    this.#offset = layout.fields.taken.offset / 4
    this.#bytes = new Uint32Array(count)
    this.#setShared = setShared
    this.#free = Array.from({ length: count - 1 }, (_, i) => count - 1 - i)
  }

  /** The first is common to those that come when all others are taken. */
  take(): number {
    this.#setShared(++this.#holders > 1)
    return this.#free.pop() ?? 0
  }

  release(share: number): void {
    this.#setShared(--this.#holders > 1)
    if (share !== 0) this.#free.push(share)
  }

  /** Processes that have one. */
  get holders(): number {
    return this.#holders
  }

  /** Counts bytes as taken out. */
  give(share: number, bytes: number): void {
    if (this.#bytes[share] === 0) this.#touched.push(share)
    this.#bytes[share] = (this.#bytes[share] as number) + bytes
  }

  /** Tells the kernel program, once that room is free again. */
  publish(): void {
    for (const share of this.#touched) {
      const place = share * this.#size + this.#offset
      this.#taken[place] = (this.#taken[place] as number) + (this.#bytes[share] as number)
      this.#bytes[share] = 0
    }
    this.#touched.length = 0
  }

  close(): void {
    this.#memory.unmap()
  }
}
