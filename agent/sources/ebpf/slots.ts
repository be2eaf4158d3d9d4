import { lookupElement, updateElement } from '../../native/libbpf.ts'
import type { Loss } from '../source.ts'

/** Whose hits a slot stands for. */
export type Owner = Omit<Loss, 'lost'>

/**
 * Hands out the kernel program's places for specs, and keeps count of what was lost at each. A place is free again once its
 * link is closed; what was lost there by then stays counted.
 */
export class SpecSlots {
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
    const slot = this.#free.pop()
    if (slot === undefined) throw new Error('no room for another tracepoint site: too many processes are being traced')
    updateElement(this.#losses, keyOf(slot), Buffer.alloc(8))
    updateElement(this.#specs, keyOf(slot), spec)
    this.#owners.set(slot, owner)
    return slot
  }

  /** Gives a slot back. Its link must be closed. */
  release(slot: number): void {
    const owner = this.#owners.get(slot)
    if (owner === undefined) return
    add(this.#past, owner, this.#lostAt(slot))
    this.#owners.delete(slot)
    this.#free.push(slot)
  }

  /** Returns what was lost since the last call, by owner. */
  newLosses(): readonly Loss[] {
    const sums = new Map(this.#past)
    for (const [slot, owner] of this.#owners) add(sums, owner, this.#lostAt(slot))
    const before = this.#told
    this.#told = sums
    return [...sums]
      .map(([key, { lost, ...owner }]) => ({ ...owner, lost: lost - (before.get(key)?.lost ?? 0) }))
      .filter(({ lost }) => lost > 0)
  }

  #lostAt(slot: number): number {
    const count = Buffer.alloc(8)
    lookupElement(this.#losses, keyOf(slot), count)
    return Number(count.readBigUInt64LE())
  }
}

function keyOf(slot: number): Buffer {
  const key = Buffer.alloc(4)
  key.writeUInt32LE(slot)
  return key
}

function add(sums: Map<string, Loss>, owner: Owner, lost: number): void {
  const key = `${owner.node}\0${owner.eventType}`
  sums.set(key, { ...owner, lost: lost + (sums.get(key)?.lost ?? 0) })
}
