import { lookupElement, nextKey, removeElement } from '../../native/libbpf.ts'
import type { Tracepoint } from '../../tracepoints/define.ts'
import { addTotal, type Total } from '../totals.ts'
import type { Layouts } from './program/program.ts'
import type { NodeOf } from './ring/record.ts'

/** All readers of one collection, and of collections right after each other, see the same totals. */
const FRESH_MS = 250

/** Totals of `count_event`, over all processes a node has had. */
export class Totals {
  readonly #fd: number
  readonly #layouts: Layouts
  readonly #tracepoints: readonly Tracepoint[]
  readonly #nodeOf: NodeOf
  readonly #past = new Map<string, Total>()
  #cached: readonly Total[] = []
  #size = 0
  #cachedAt = Number.NEGATIVE_INFINITY

  constructor(fd: number, layouts: Layouts, tracepoints: readonly Tracepoint[], nodeOf: NodeOf) {
    this.#fd = fd
    this.#layouts = layouts
    this.#tracepoints = tracepoints
    this.#nodeOf = nodeOf
  }

  read(): readonly Total[] {
    if (performance.now() - this.#cachedAt < FRESH_MS) return this.#cached
    const sums = new Map(this.#past)
    const entries = this.#entries()
    for (const { total } of entries) addTotal(sums, total)
    this.#size = entries.length
    this.#cached = [...sums.values()]
    this.#cachedAt = performance.now()
    return this.#cached
  }

  /** Entries of the map. */
  get size(): number {
    this.read()
    return this.#size
  }

  /** Takes over what a process has counted before its entries are removed. Its link must be closed. */
  retire(target: number): void {
    for (const entry of this.#entries()) {
      if (entry.target !== target) continue
      addTotal(this.#past, entry.total)
      removeElement(this.#fd, entry.key)
    }
    this.#cachedAt = Number.NEGATIVE_INFINITY
  }

  /** Drops what the processes of a node have counted that ended. */
  forget(node: string): void {
    for (const [key, total] of this.#past) if (total.node === node) this.#past.delete(key)
    this.#cachedAt = Number.NEGATIVE_INFINITY
  }

  #entries(): readonly { readonly key: Buffer; readonly target: number; readonly total: Total }[] {
    const { totalKey, total } = this.#layouts
    const entries = []
    let key: Buffer | null = null
    for (let next = Buffer.alloc(totalKey.size); nextKey(this.#fd, key, next); next = Buffer.alloc(totalKey.size)) {
      key = next
      const value = Buffer.alloc(total.size)
      const target = next.readUInt32LE(totalKey.fields.target.offset)
      const node = this.#nodeOf(target)
      const tracepoint = this.#tracepoints[next.readUInt32LE(totalKey.fields.tracepoint.offset)]
      if (node === undefined || tracepoint === undefined || !lookupElement(this.#fd, next, value)) continue
      const label = next.subarray(totalKey.fields.label.offset)
      const sum = Number(value.readBigInt64LE(total.fields.sum.offset))
      entries.push({
        key: next,
        target,
        total: {
          node,
          probe: tracepoint.probe,
          label: label.toString('utf8', 0, label.indexOf(0) === -1 ? label.length : label.indexOf(0)),
          count: Number(value.readBigUInt64LE(total.fields.count.offset)),
          sums: Object.fromEntries((tracepoint.counted?.sums ?? []).map((name) => [name, sum])),
        },
      })
    }
    return entries
  }
}
