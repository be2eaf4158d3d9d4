import { lookupElement, updateElement } from '../../../native/libbpf.ts'
import type { Loss } from '../../source.ts'

/** Whose hits an index stands for. */
export type Owner = Omit<Loss, 'lost'>

/**
 * Hands out indices of the kernel program's specs, and keeps count of what was lost at each. An index is free again once its
 * link is closed; what was lost there by then stays counted.
 */
export class SpecPool {
  readonly #specs: number
  readonly #losses: number
  readonly #free: number[]
  readonly #owners = new Map<number, Owner>()
  readonly #past = new Map<string, Loss>()
  /** What was lost by then, as of `newLosses`. */
  #told: ReadonlyMap<string, Loss> = new Map()

  /** File descriptors of the maps `specs` and `lost`, and how many entries each has. */
  constructor(specs: number, losses: number, count: number) {
    this.#specs = specs
    this.#losses = losses
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i)
  }

  take(owner: Owner, spec: Buffer): number {
    const index = this.#free.pop()
    if (index === undefined) throw new Error('no room for another tracepoint site: too many processes are being traced')
    updateElement(this.#losses, keyOf(index), Buffer.alloc(8))
    updateElement(this.#specs, keyOf(index), spec)
    this.#owners.set(index, owner)
    return index
  }

  /** Gives an index back. Its link must be closed. */
  release(index: number): void {
    const owner = this.#owners.get(index)
    if (owner === undefined) return
    add(this.#past, owner, this.#lostAt(index))
    this.#owners.delete(index)
    this.#free.push(index)
  }

  /** Returns what was lost since the last call, by owner. */
  newLosses(): readonly Loss[] {
    const sums = new Map(this.#past)
    for (const [index, owner] of this.#owners) add(sums, owner, this.#lostAt(index))
    const before = this.#told
    this.#told = sums
    return [...sums]
      .map(([key, { lost, ...owner }]) => ({ ...owner, lost: lost - (before.get(key)?.lost ?? 0) }))
      .filter(({ lost }) => lost > 0)
  }

  #lostAt(index: number): number {
    const count = Buffer.alloc(8)
    lookupElement(this.#losses, keyOf(index), count)
    return Number(count.readBigUInt64LE())
  }
}

function keyOf(index: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32LE(index)
  return key
}

function add(sums: Map<string, Loss>, owner: Owner, lost: number): void {
  const key = `${owner.node}\0${owner.eventType}`
  sums.set(key, { ...owner, lost: lost + (sums.get(key)?.lost ?? 0) })
}
