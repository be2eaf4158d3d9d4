import { expect } from 'vitest'
import { quantile } from '../../harness/statistics.ts'
import type { Span } from './expected-way.ts'

/** So near the kernel's stamps are to the node's clock, which it reads just before it fires; but where a machine is busy, not each of them. */
const NEAR_US = 50
/** Times are whole µs, and each end of a span is rounded. */
const ROUNDED_US = 1

/** Compares times of the agent with those of the node, and collects how far they lie apart. */
export class Comparison {
  readonly #apartUs: number[] = []

  /** The node read its clock before each hit and after it: no stamp of the kernel lies outside. */
  expectWithin(us: number, { us: nodeUs, leastUs, mostUs }: Span, what: string): void {
    expect(us, what).toBeGreaterThanOrEqual(leastUs - ROUNDED_US)
    expect(us, what).toBeLessThanOrEqual(mostUs + ROUNDED_US)
    this.#apartUs.push(Math.abs(us - nodeUs))
  }

  expectNear(): void {
    expect(this.#apartUs.length).toBeGreaterThan(1000)
    expect(quantile(this.#apartUs, 0.9)).toBeLessThan(NEAR_US)
  }
}
