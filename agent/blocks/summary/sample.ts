import type { BlockRecord } from '../record.ts'

/** Quantiles of numbers; undefined where there are none. */
export interface Quantiles {
  readonly count: number
  readonly p50?: number | undefined
  readonly p95?: number | undefined
  readonly p99?: number | undefined
}

/** Numbers of which quantiles are asked, such as durations in ms. */
export class Sample {
  readonly #values: number[] = []

  add(value: number | undefined): void {
    if (value !== undefined) this.#values.push(value)
  }

  quantiles(): Quantiles {
    const sorted = Float64Array.from(this.#values).sort()
    // Nearest rank: a number that some block really has.
    const quantile = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]
    return { count: sorted.length, p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99) }
  }
}

const MOST = 5

/** The records that took the longest, slowest first. */
export class Slowest {
  #taken: readonly { readonly record: BlockRecord; readonly ms: number }[] = []

  add(record: BlockRecord, ms: number | undefined): void {
    const least = this.#taken[MOST - 1]
    if (ms === undefined || (least && ms <= least.ms)) return
    this.#taken = [...this.#taken, { record, ms }].sort((a, b) => b.ms - a.ms).slice(0, MOST)
  }

  get records(): readonly BlockRecord[] {
    return this.#taken.map(({ record }) => record)
  }
}

export function share(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole
}
