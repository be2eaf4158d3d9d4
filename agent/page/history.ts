import type { BlockRecord } from '../blocks/record.ts'

/** A block's record, which is replaced as more becomes known. */
export interface HeldBlock {
  readonly record: BlockRecord
  /** Whether no more will become known of the block. */
  readonly isFinal: boolean
}

/** Most records that are held. */
export const MOST_RECORDS = 2_000
/** Records that may come beyond that before the oldest are removed, unless somebody looks. */
const SLACK = 500
const KEPT_MS = 24 * 3600 * 1000

/** Holds the records of the last 24 hours, 2,000 at most. They are put in order of time when somebody looks. */
export class History {
  readonly #byBlock = new Map<string, HeldBlock>()
  readonly #finished = new Map<string, readonly BlockRecord[]>()
  /** Oldest first; `undefined` if there were others since. */
  #byTime: readonly HeldBlock[] | undefined
  #changes = 0

  /** Number of changes since the start. */
  get changes(): number {
    return this.#changes
  }

  /** Replaces what is known of a block. */
  put(record: BlockRecord, isFinal: boolean): void {
    const key = keyOf(record)
    if (!isFinal && this.#byBlock.get(key)?.isFinal) return
    this.#byBlock.set(key, { record, isFinal })
    this.#changed(record)
    if (this.#byBlock.size > MOST_RECORDS + SLACK) this.trim()
  }

  /** Forgets a block, if it is held and not final. Returns whether it was. */
  remove({ node, hash }: { readonly node: string; readonly hash: string }): boolean {
    const held = this.#byBlock.get(`${hash} ${node}`)
    if (held === undefined || held.isFinal) return false
    this.#byBlock.delete(keyOf(held.record))
    this.#changed(held.record)
    return true
  }

  /** Removes the records that are too old. */
  trim(): void {
    const held = this.#byTime ?? [...this.#byBlock.values()].sort(byTime)
    // The newest may be older than now: a replayed one. Or newer: the clock was wrong.
    const now = Math.min(Date.now(), Date.parse(held.at(-1)?.record.time ?? ''))
    const kept = held.findIndex(({ record }) => now - Date.parse(record.time) <= KEPT_MS)
    const tooMany = Math.max(kept, held.length - MOST_RECORDS, 0)
    for (const { record } of held.slice(0, tooMany)) {
      this.#byBlock.delete(keyOf(record))
      this.#changed(record)
    }
    this.#byTime = tooMany > 0 ? held.slice(tooMany) : held
  }

  /** Returns the latest records, newest first. */
  latest(count: number): readonly HeldBlock[] {
    return this.#held().slice(-count).reverse()
  }

  /** Returns the latest final records, newest first: of one node or of one block if they are given. */
  select({ count, node, hash }: { readonly count: number; readonly node?: string | undefined; readonly hash?: string | undefined }) {
    return this.#held()
      .filter(
        ({ isFinal, record }) => isFinal && record.node === (node ?? record.node) && record.block_hash === (hash ?? record.block_hash),
      )
      .slice(-count)
      .reverse()
      .map(({ record }) => record)
  }

  /** Returns the records of one block, of each node. */
  find(hash: string): readonly HeldBlock[] {
    return this.#held().filter(({ record }) => record.block_hash === hash)
  }

  /** Returns the final records of a node, oldest first: the same array until they change. */
  finished(node: string): readonly BlockRecord[] {
    const known = this.#finished.get(node)
    if (known) return known
    const records = this.#held()
      .filter(({ record, isFinal }) => isFinal && record.node === node)
      .map(({ record }) => record)
    this.#finished.set(node, records)
    return records
  }

  #held(): readonly HeldBlock[] {
    if (this.#byTime === undefined) this.trim()
    return this.#byTime ?? []
  }

  #changed({ node }: BlockRecord): void {
    this.#byTime = undefined
    this.#finished.delete(node)
    this.#changes++
  }
}

/** The times all have one form, so they sort as text, to the µs. */
const byTime = ({ record: a }: HeldBlock, { record: b }: HeldBlock) => (a.time < b.time ? -1 : Number(a.time > b.time))

function keyOf({ node, block_hash }: BlockRecord): string {
  return `${block_hash} ${node}`
}
