import { lookupElement, nextKey, removeElement } from '../../native/libbpf.ts'
import type { Tracepoint } from '../../tracepoints/define.ts'
import type { Layouts } from './program/program.ts'
import type { NodeOf } from './ring/record.ts'

/** Hits of a tracepoint that is counted in the kernel, by node and by the text that it is counted by. */
export interface Total {
  readonly node: string
  readonly probe: string
  readonly label: string
  readonly count: number
  readonly sum: number
}

/** All readers of one collection, and of collections right after each other, see the same totals. */
const FRESH_MS = 250

/** Totals of `count_event`, over all processes a node has had: they never fall while the agent lives. */
export class Totals {
  readonly #fd: number
  readonly #layouts: Layouts
  readonly #tracepoints: readonly Tracepoint[]
  readonly #nodeOf: NodeOf
  readonly #past = new Map<string, Total>()
  #cached: readonly Total[] = []
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
    for (const { total } of this.#entries()) add(sums, total)
    this.#cached = [...sums.values()]
    this.#cachedAt = performance.now()
    return this.#cached
  }

  /** Takes over what a process has counted before its entries are removed. Its link must be closed. */
  retire(target: number): void {
    for (const entry of this.#entries()) {
      if (entry.target !== target) continue
      add(this.#past, entry.total)
      removeElement(this.#fd, entry.key)
    }
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
      entries.push({
        key: next,
        target,
        total: {
          node,
          probe: tracepoint.probe,
          label: label.toString('utf8', 0, label.indexOf(0) === -1 ? label.length : label.indexOf(0)),
          count: Number(value.readBigUInt64LE(total.fields.count.offset)),
          sum: Number(value.readBigInt64LE(total.fields.sum.offset)),
        },
      })
    }
    return entries
  }
}

function add(sums: Map<string, Total>, total: Total): void {
  const key = `${total.node}\0${total.probe}\0${total.label}`
  const before = sums.get(key)
  sums.set(key, { ...total, count: total.count + (before?.count ?? 0), sum: total.sum + (before?.sum ?? 0) })
}
