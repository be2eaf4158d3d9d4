/** A block that was not received by then, after its header was announced, is overdue. */
const OVERDUE_NS = 60e9
/** Headers that are waited upon at once. */
const MAX_PENDING = 64

/** When a header was first announced: CLOCK_MONOTONIC in ns, and unix seconds. */
interface Sign {
  readonly stampNs: number
  readonly unixSeconds: number
}

/** Headers whose block is to come. */
export class PendingHeaders {
  readonly #pending = new Map<string, Sign>()

  add(hash: string, sign: Sign): void {
    if (this.#pending.has(hash) || this.#pending.size >= MAX_PENDING) return
    this.#pending.set(hash, { stampNs: sign.stampNs, unixSeconds: sign.unixSeconds })
  }

  /** The block came, or is waited for no longer. */
  delete(hash: string): void {
    this.#pending.delete(hash)
  }

  clear(): void {
    this.#pending.clear()
  }

  /** Takes out the headers whose block should have come by that time (CLOCK_MONOTONIC, ns). */
  takeOverdue(nowNs: number): readonly (readonly [hash: string, sign: Sign])[] {
    const overdue = [...this.#pending].filter(([, { stampNs }]) => stampNs + OVERDUE_NS <= nowNs)
    for (const [hash] of overdue) this.#pending.delete(hash)
    return overdue
  }
}
