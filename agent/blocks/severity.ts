import type { BlockRecord } from './record.ts'

const severities = ['slow', 'very_slow'] as const
export type Severity = (typeof severities)[number]

/** From how many ms of reconstruction on a block is slow. */
export interface SlowThresholds {
  readonly slowMs: number
  readonly verySlowMs: number
}

/** How slowly a block was reconstructed from FIBRE's chunks; `undefined` if it was not slow, or not reconstructed. */
export function severityOf({ reconstruction_ms: ms }: BlockRecord, { slowMs, verySlowMs }: SlowThresholds): Severity | undefined {
  if (ms === undefined || ms < slowMs) return undefined
  return ms < verySlowMs ? 'slow' : 'very_slow'
}
