import { updateElement } from '../../../native/libbpf.ts'
import { type Mapping, mapMemory, pageSize } from '../../../native/libc.ts'
import type { Loss } from '../../source.ts'
import type { Layouts } from '../program/program.ts'

/** Whose hits an index stands for. */
export type Owner = Omit<Loss, 'lost'>

interface Taken {
  readonly owner: Owner
  /** Bytes of the spec. */
  readonly size: number
  /** Hits that were lost at its index and have been told of, or were another owner's. */
  told: number
}

/**
 * Hands out indices of the kernel program's specs, and reads what became of the hits at each from the map's memory. An index is
 * free again once its link is closed and no hit of it is asleep any more; what was lost there by then is told of all the same.
 */
export class SpecPool {
  readonly #specs: number
  readonly #states: Mapping
  readonly #view: DataView
  readonly #layout: Layouts['state']
  readonly #free: number[]
  readonly #taken = new Map<number, Taken>()
  readonly #untold: Loss[] = []

  /** File descriptors of the maps `specs` and `states`, how many entries each has, and how a state lies in memory. */
  constructor(specs: number, states: number, count: number, layout: Layouts['state']) {
    const page = pageSize()
    this.#specs = specs
    this.#states = mapMemory(states, 0, Math.ceil((count * layout.size) / page) * page, false)
    this.#view = new DataView(this.#states.memory)
    this.#layout = layout
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i)
  }

  take(owner: Owner, spec: Buffer): number {
    const at = this.#free.findLastIndex((index) => this.#asleepAt(index) === 0)
    const [index] = at < 0 ? [] : this.#free.splice(at, 1)
    if (index === undefined) throw new Error('no room for another tracepoint site: too many processes are being traced')
    updateElement(this.#specs, keyOf(index), spec)
    this.#taken.set(index, { owner, size: spec.length, told: this.#lostAt(index) })
    return index
  }

  /** Gives an index back. Its link must be closed; a hit that is still on its way finds the spec of nobody. */
  release(index: number): void {
    const taken = this.#taken.get(index)
    if (taken === undefined) return
    updateElement(this.#specs, keyOf(index), Buffer.alloc(taken.size))
    this.#untold.push(...this.#newLossAt(index, taken))
    this.#taken.delete(index)
    this.#free.push(index)
  }

  /** Returns what was lost since the last call. */
  newLosses(): readonly Loss[] {
    const losses = this.#untold.splice(0)
    for (const [index, taken] of this.#taken) losses.push(...this.#newLossAt(index, taken))
    return losses
  }

  /** Since when a hit has been asleep: CLOCK_MONOTONIC, ns. `undefined` where none is. */
  asleepSince(index: number): number | undefined {
    const { size, fields } = this.#layout
    return this.#asleepAt(index) > 0 ? Number(this.#view.getBigUint64(index * size + fields.asleep_since.offset, true)) : undefined
  }

  /** Indices that are taken. */
  get size(): number {
    return this.#taken.size
  }

  close(): void {
    this.#states.unmap()
  }

  #newLossAt(index: number, taken: Taken): readonly Loss[] {
    const lost = this.#lostAt(index)
    const more = lost - taken.told
    taken.told = lost
    return more > 0 ? [{ ...taken.owner, lost: more }] : none
  }

  #lostAt(index: number): number {
    return Number(this.#view.getBigUint64(index * this.#layout.size + this.#layout.fields.lost.offset, true))
  }

  #asleepAt(index: number): number {
    return this.#view.getUint32(index * this.#layout.size + this.#layout.fields.asleep.offset, true)
  }
}

const none: readonly Loss[] = []

function keyOf(index: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32LE(index)
  return key
}
