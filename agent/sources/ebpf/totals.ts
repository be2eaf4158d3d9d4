import { type Mapping, mapMemory, pageSize } from '../../native/libc.ts'
import type { CountedTracepoint, Tracepoint } from '../../tracepoints/define.ts'
import type { Total } from '../totals.ts'
import { labelsAt, shapeOf, type TotalsShape } from './totals-shape.ts'

/** All readers of one collection, and of collections right after each other, see the same totals. */
const FRESH_MS = 250

/** The totals of a tracepoint among those of a process. */
interface Part {
  readonly tracepoint: CountedTracepoint
  readonly shape: TotalsShape
  readonly offset: number
}

/** Totals of `count_event`, over all processes a node has had. Each process has a slot of the map, of one size. */
export class Totals {
  readonly #mapping: Mapping
  readonly #memory: BigUint64Array
  readonly #parts: readonly Part[]
  readonly #slotSize: number
  /** Slots that are free, the one that was given back last at the end: a hit may be on its way to it for a moment. */
  readonly #free: number[]
  readonly #taken = new Map<number, { readonly node: string; readonly slot: number }>()
  /** By node: what processes have counted that ended. */
  readonly #past = new Map<string, Float64Array>()
  #cached: readonly Total[] = []
  #cachedAt = Number.NEGATIVE_INFINITY

  /** File descriptor of the map and how many totals it has room for. */
  constructor(fd: number, count: number, tracepoints: readonly Tracepoint[]) {
    const page = pageSize()
    this.#mapping = mapMemory(fd, 0, Math.ceil((count * 8) / page) * page, true)
    this.#memory = new BigUint64Array(this.#mapping.memory, 0, count)
    const { parts, size } = partsOf(tracepoints)
    this.#parts = parts
    this.#slotSize = size
    this.#free = size === 0 ? [] : Array.from({ length: Math.floor(count / size) }, (_, slot) => slot)
  }

  /** Returns where the totals of a process begin that has this number, by tracepoint. Throws if there is no room. */
  take(target: number, node: string): ReadonlyMap<Tracepoint, number> {
    const slot = this.#taken.get(target)?.slot ?? this.#free.shift()
    if (slot === undefined) throw new Error('no room for the totals of another process: too many are being traced')
    this.#taken.set(target, { node, slot })
    return new Map(this.#parts.map(({ tracepoint, offset }) => [tracepoint, slot * this.#slotSize + offset]))
  }

  read(): readonly Total[] {
    if (performance.now() - this.#cachedAt < FRESH_MS) return this.#cached
    const byNode = new Map([...this.#past].map(([node, past]) => [node, past.slice()]))
    for (const { node, slot } of this.#taken.values()) this.#addTo(byNode, node, slot)
    this.#cached = [...byNode].flatMap(([node, sums]) => this.#parts.flatMap((part) => totalsOf(node, part, sums)))
    this.#cachedAt = performance.now()
    return this.#cached
  }

  /** Totals that are taken. */
  get size(): number {
    return this.#taken.size * this.#slotSize
  }

  /** Takes over what a process has counted, and gives its totals back. Its links must be closed. */
  retire(target: number): void {
    const taken = this.#taken.get(target)
    if (taken === undefined) return
    this.#addTo(this.#past, taken.node, taken.slot)
    this.#slotAt(taken.slot).fill(0n)
    this.#taken.delete(target)
    this.#free.push(taken.slot)
    this.#cachedAt = Number.NEGATIVE_INFINITY
  }

  /** Drops what the processes of a node have counted that ended. */
  forget(node: string): void {
    this.#past.delete(node)
    this.#cachedAt = Number.NEGATIVE_INFINITY
  }

  close(): void {
    this.#mapping.unmap()
  }

  #slotAt(slot: number): BigUint64Array {
    return this.#memory.subarray(slot * this.#slotSize, (slot + 1) * this.#slotSize)
  }

  #addTo(byNode: Map<string, Float64Array>, node: string, slot: number): void {
    const sums = byNode.get(node) ?? new Float64Array(this.#slotSize)
    byNode.set(node, sums)
    const begin = slot * this.#slotSize
    for (let i = 0; i < this.#slotSize; i++) {
      const total = this.#memory[begin + i] as bigint
      if (total !== 0n) sums[i] = (sums[i] as number) + Number(total)
    }
  }
}

function partsOf(tracepoints: readonly Tracepoint[]): { readonly parts: readonly Part[]; readonly size: number } {
  let size = 0
  const parts = tracepoints.flatMap((tracepoint): readonly Part[] => {
    if (tracepoint.counted === undefined) return []
    const part = { tracepoint, shape: shapeOf(tracepoint.counted), offset: size }
    size += part.shape.size
    return [part]
  })
  return { parts, size }
}

/** Those rows that have any hit. */
function totalsOf(node: string, { tracepoint: { probe, counted }, shape, offset }: Part, sums: Float64Array): readonly Total[] {
  const { sums: names = [] } = counted
  const totals: Total[] = []
  for (let at = 0; at < shape.size; at += shape.width) {
    const row = offset + at
    const count = sums[row] as number
    if (count === 0) continue
    totals.push({
      node,
      probe,
      labels: labelsAt(shape, at),
      count,
      sums: Object.fromEntries(names.map((name, i) => [name, sums[row + 1 + i] as number])),
      buckets: [...sums.subarray(row + 1 + names.length, row + shape.width)],
    })
  }
  return totals
}
