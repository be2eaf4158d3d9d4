import type { Durations, HeadStarts, Summary } from './summary.ts'

/** Returns a summary in the form of its JSON. */
export function summaryJson({ fibreWinRate, raceCoverage, headStarts, reconstruction, slowest, ...rest }: Summary) {
  return {
    ...rest,
    fibre_win_rate: fibreWinRate,
    race_coverage: raceCoverage,
    head_starts: { fibre_udp: headStartsJson(headStarts.fibre_udp), bip152_cmpct: headStartsJson(headStarts.bip152_cmpct) },
    reconstruction: durationsJson(reconstruction),
    slowest: slowest.map(({ block_hash }) => block_hash),
  }
}

function headStartsJson({ lowerBounds, ...durations }: HeadStarts) {
  return { ...durationsJson(durations), lower_bounds: lowerBounds }
}

function durationsJson({ count, p50, p95, p99 }: Durations) {
  return { count, p50_ms: p50, p95_ms: p95, p99_ms: p99 }
}
