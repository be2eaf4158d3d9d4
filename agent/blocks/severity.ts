import type { BlockRecord } from './record.ts'

const severities = ['slow', 'very_slow'] as const
export type Severity = (typeof severities)[number]

/** Reconstruction times, in ms, from which on a block is slow or very slow. */
export interface SlowThresholds {
  readonly slowMs: number
  readonly verySlowMs: number
}

/** Returns the severity of a slow reconstruction; `undefined` if the block was not slow, or not reconstructed from chunks. */
export function severityOf({ reconstruction_ms: ms }: BlockRecord, { slowMs, verySlowMs }: SlowThresholds): Severity | undefined {
  if (ms === undefined || ms < slowMs) return undefined
  return ms < verySlowMs ? 'slow' : 'very_slow'
}
