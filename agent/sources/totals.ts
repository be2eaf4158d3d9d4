import type { Hits } from '../tracepoints/define.ts'

/** Hits of a node's tracepoint that were counted, over all processes that the node has had. */
export interface Total extends Hits {
  readonly node: string
  readonly probe: string
}

/** Adds to the total of the same node, tracepoint and label. */
export function addTotal(totals: Map<string, Total>, { node, probe, label, count, sums }: Total): void {
  const key = `${node}\0${probe}\0${label}`
  const before = totals.get(key)
  const summed = Object.entries(sums).map(([name, sum]) => [name, sum + (before?.sums[name] ?? 0)])
  totals.set(key, { node, probe, label, count: count + (before?.count ?? 0), sums: Object.fromEntries(summed) })
}
