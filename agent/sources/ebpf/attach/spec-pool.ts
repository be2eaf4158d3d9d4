import { lookupElement, updateElement } from '../../../native/libbpf.ts'
import type { Loss } from '../../source.ts'
import type { Layouts } from '../program/program.ts'

/** Whose hits an index stands for. */
export type Owner = Omit<Loss, 'lost'>

interface Taken {
  readonly owner: Owner
  /** What had been lost at its index by then. */
  readonly lostBefore: number
}

/**
 * Hands out indices of the kernel program's specs, and reads what became of the hits at each. An index is free again once its
 * link is closed and no hit of it is asleep any more; what was lost there by then stays counted.
 */
export class SpecPool {
  readonly #specs: number
  readonly #states: number
  readonly #layout: Layouts['state']
  readonly #free: number[]
  readonly #taken = new Map<number, Taken>()
  readonly #past = new Map<string, Loss>()
  /** What was lost by then, as of `newLosses`. */
  #told: ReadonlyMap<string, Loss> = new Map()

  /** File descriptors of the maps `specs` and `states`, how many entries each has, and how a state lies in memory. */
  constructor(specs: number, states: number, count: number, layout: Layouts['state']) {
    this.#specs = specs
    this.#states = states
    this.#layout = layout
    this.#free = Array.from({ length: count }, (_, i) => count - 1 - i)
  }

  take(owner: Owner, spec: Buffer): number {
    const at = this.#free.findLastIndex((index) => this.#stateAt(index).asleep === 0)
    const [index] = at < 0 ? [] : this.#free.splice(at, 1)
    if (index === undefined) throw new Error('no room for another tracepoint site: too many processes are being traced')
    updateElement(this.#specs, keyOf(index), spec)
    this.#taken.set(index, { owner, lostBefore: this.#stateAt(index).lost })
    return index
  }

  /** Gives an index back. Its link must be closed. */
  release(index: number): void {
    const taken = this.#taken.get(index)
    if (taken === undefined) return
    add(this.#past, taken.owner, this.#stateAt(index).lost - taken.lostBefore)
    this.#taken.delete(index)
    this.#free.push(index)
  }

  /** Returns what was lost since the last call, by owner. */
  newLosses(): readonly Loss[] {
    const sums = new Map(this.#past)
    for (const [index, { owner, lostBefore }] of this.#taken) add(sums, owner, this.#stateAt(index).lost - lostBefore)
    const before = this.#told
    this.#told = sums
    return [...sums]
      .map(([key, { lost, ...owner }]) => ({ ...owner, lost: lost - (before.get(key)?.lost ?? 0) }))
      .filter(({ lost }) => lost > 0)
  }

  /** Since when a hit has been asleep: CLOCK_MONOTONIC, ns. `undefined` where none is. */
  asleepSince(index: number): number | undefined {
    const { asleep, since } = this.#stateAt(index)
    return asleep > 0 ? since : undefined
  }

  #stateAt(index: number): { readonly lost: number; readonly asleep: number; readonly since: number } {
    const { size, fields } = this.#layout
    const state = Buffer.alloc(size)
    lookupElement(this.#states, keyOf(index), state)
    return {
      lost: Number(state.readBigUInt64LE(fields.lost.offset)),
      asleep: state.readUInt32LE(fields.asleep.offset),
      since: Number(state.readBigUInt64LE(fields.asleep_since.offset)),
    }
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
