import type { BlockRecord } from '../blocks/record.ts'

/** A block's record as it is held. */
export interface Held {
  readonly record: BlockRecord
  /** Whether all is said that will be. */
  readonly isFinal: boolean
  /** The time of the record, Unix time in ms. */
  readonly timeMs: number
}

/** How many records are held, if there are as many. */
export const MOST_RECORDS = 2_000
const KEPT_MS = 24 * 3600 * 1000

/** The records of the last 24 hours, 2,000 at most, by time. */
export class History {
  /** Oldest first. */
  readonly #held: Held[] = []
  readonly #byBlock = new Map<string, Held>()
  readonly #finished = new Map<string, readonly BlockRecord[]>()
  #changes = 0

  /** How often anything here has changed. */
  get changes(): number {
    return this.#changes
  }

  /** Takes in what is known of a block by now, in place of what was known of it before. */
  put(record: BlockRecord, isFinal: boolean): void {
    const key = keyOf(record)
    const before = this.#byBlock.get(key)
    if (before?.isFinal && !isFinal) return
    this.#changes++
    if (before) this.#held.splice(this.#held.lastIndexOf(before), 1)
    const held = { record, isFinal, timeMs: Date.parse(record.time) }
    this.#byBlock.set(key, held)
    // To the µs: the times are all of one form, so they sort as text. Blocks come nearly in their order.
    const last = this.#held.at(-1)
    if (last === undefined || last.record.time <= record.time) this.#held.push(held)
    else this.#held.splice(this.#held.findLastIndex((other) => other.record.time <= record.time) + 1, 0, held)
    if (isFinal) this.#finished.delete(record.node)
    this.trim()
  }

  /** Forgets what is too old. */
  trim(): void {
    // The newest may be older than now: a replayed one. Or newer: the clock was wrong.
    const now = Math.min(Date.now(), this.#held.at(-1)?.timeMs ?? 0)
    const tooOld = this.#held.findIndex(({ timeMs }) => now - timeMs <= KEPT_MS)
    for (const { record } of this.#held.splice(0, Math.max(tooOld, this.#held.length - MOST_RECORDS, 0))) {
      this.#changes++
      this.#byBlock.delete(keyOf(record))
      this.#finished.delete(record.node)
    }
  }

  /** Newest first. */
  latest(count: number): readonly Held[] {
    return this.#held.slice(-count).reverse()
  }

  /** Newest first: of one node, if it is named, and of one block, if its hash is. Only what is final. */
  select({ count, node, hash }: { readonly count: number; readonly node?: string | undefined; readonly hash?: string | undefined }) {
    return this.#held
      .filter(
        ({ isFinal, record }) => isFinal && record.node === (node ?? record.node) && record.block_hash === (hash ?? record.block_hash),
      )
      .slice(-count)
      .reverse()
      .map(({ record }) => record)
  }

  /** What is known of a block, by node. */
  find(hash: string): readonly Held[] {
    return this.#held.filter(({ record }) => record.block_hash === hash)
  }

  /** Final records of a node, oldest first: the same array until they change. */
  finished(node: string): readonly BlockRecord[] {
    const known = this.#finished.get(node)
    if (known) return known
    const records = this.#held.filter(({ record, isFinal }) => isFinal && record.node === node).map(({ record }) => record)
    this.#finished.set(node, records)
    return records
  }
}

function keyOf({ node, block_hash }: BlockRecord): string {
  return `${block_hash} ${node}`
}
