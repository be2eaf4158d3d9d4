import type { Quantiles } from './sample.ts'
import type { HeadStarts, Summary } from './summary.ts'

/** Returns a summary in the form of its JSON, which is an interface: a figure is in it once it is named here. */
export function summaryJson(summary: Summary) {
  const { from, to, nodes, blocks, connected, neverConnected, paths, races, headStarts } = summary
  return {
    from,
    to,
    nodes,
    blocks,
    connected,
    never_connected: neverConnected,
    paths,
    races,
    fibre_win_rate: summary.fibreWinRate,
    race_coverage: summary.raceCoverage,
    head_starts: { fibre_udp: headStartsJson(headStarts.fibre_udp), bip152_cmpct: headStartsJson(headStarts.bip152_cmpct) },
    reconstruction: durationsJson(summary.reconstruction),
    compact_blocks: summary.compactBlocks,
    without_round_trip: summary.withoutRoundTrip,
    announced_to_connected: durationsJson(summary.announcedToConnected),
    round_trip: durationsJson(summary.roundTrip),
    requested_transactions: summary.requestedTransactions,
    requested_bytes: summary.requestedBytes,
    slowest_stages: summary.slowestStages,
    slowest: summary.slowest.map(({ block_hash }) => block_hash),
  }
}

function headStartsJson({ lowerBounds, ...durations }: HeadStarts) {
  return { ...durationsJson(durations), lower_bounds: lowerBounds }
}

function durationsJson({ count, p50, p95, p99 }: Quantiles) {
  return { count, p50_ms: p50, p95_ms: p95, p99_ms: p99 }
}
