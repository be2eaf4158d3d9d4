import type { BlockRecord } from '../blocks/record.ts'

/** A block's record, which is replaced as more becomes known. */
export interface HeldBlock {
  readonly record: BlockRecord
  /** Whether no more will become known of the block. */
  readonly isFinal: boolean
  /** Unix time of the record, in ms. */
  readonly timeMs: number
}

/** Most records that are held. */
export const MOST_RECORDS = 2_000
const KEPT_MS = 24 * 3600 * 1000

/** Holds the records of the last 24 hours, 2,000 at most, by time. */
export class History {
  /** Oldest first. */
  readonly #held: HeldBlock[] = []
  readonly #byBlock = new Map<string, HeldBlock>()
  readonly #finished = new Map<string, readonly BlockRecord[]>()
  #changes = 0

  /** Number of changes since the start. */
  get changes(): number {
    return this.#changes
  }

  /** Replaces what is known of a block. */
  put(record: BlockRecord, isFinal: boolean): void {
    const key = keyOf(record)
    const before = this.#byBlock.get(key)
    if (before?.isFinal && !isFinal) return
    this.#changes++
    if (before) this.#held.splice(this.#held.lastIndexOf(before), 1)
    const held = { record, isFinal, timeMs: Date.parse(record.time) }
    this.#byBlock.set(key, held)
    // The times all have one form, so they sort as text, to the µs. Blocks come nearly in order.
    const last = this.#held.at(-1)
    if (last === undefined || last.record.time <= record.time) this.#held.push(held)
    else this.#held.splice(this.#held.findLastIndex((other) => other.record.time <= record.time) + 1, 0, held)
    if (isFinal) this.#finished.delete(record.node)
    this.trim()
  }

  /** Removes the records that are too old. */
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

  /** Returns the latest records, newest first. */
  latest(count: number): readonly HeldBlock[] {
    return this.#held.slice(-count).reverse()
  }

  /** Returns the latest final records, newest first: of one node or of one block if they are given. */
  select({ count, node, hash }: { readonly count: number; readonly node?: string | undefined; readonly hash?: string | undefined }) {
    return this.#held
      .filter(
        ({ isFinal, record }) => isFinal && record.node === (node ?? record.node) && record.block_hash === (hash ?? record.block_hash),
      )
      .slice(-count)
      .reverse()
      .map(({ record }) => record)
  }

  /** Returns the records of one block, of each node. */
  find(hash: string): readonly HeldBlock[] {
    return this.#held.filter(({ record }) => record.block_hash === hash)
  }

  /** Returns the final records of a node, oldest first: the same array until they change. */
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
