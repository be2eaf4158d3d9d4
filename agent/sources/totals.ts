import { type Counted, type Hits, type Known, OTHER } from '../tracepoints/define.ts'

/** Hits of a node's tracepoint that were counted, over all processes that the node has had. */
export interface Total extends Hits {
  readonly node: string
}

/** Adds to the total of the same node, tracepoint and labels. */
export function addTotal(totals: Map<string, Total>, { node, probe, labels, count, sums, buckets }: Total): void {
  const key = [node, probe, ...Object.values(labels)].join('\0')
  const before = totals.get(key)
  const summed = Object.entries(sums).map(([name, sum]) => [name, sum + (before?.sums[name] ?? 0)])
  totals.set(key, {
    node,
    probe,
    labels,
    count: count + (before?.count ?? 0),
    sums: Object.fromEntries(summed),
    buckets: buckets.map((count, i) => count + (before?.buckets[i] ?? 0)),
  })
}

/** The total of one hit, as the kernel counts it. */
export function totalOfHit(node: string, probe: string, counted: Counted, args: Readonly<Record<string, unknown>>): Total {
  const { by = {}, sums = [], histogram } = counted
  const summand = (name: string) => Math.max(0, Number(args[name] ?? 0))
  return {
    node,
    probe,
    labels: Object.fromEntries(Object.entries(by).map(([name, known]) => [name, labelOf(known, args[name])])),
    count: 1,
    sums: Object.fromEntries(sums.map((name) => [name, summand(name)])),
    buckets: histogram ? oneIn([...histogram.bounds, Number.POSITIVE_INFINITY], summand(histogram.of)) : [],
  }
}

function labelOf({ values, compared }: Known, value: unknown): string {
  if (compared === 0) return values[value as number] ?? OTHER
  const start = (text: string) => Buffer.from(text).subarray(0, compared).toString('latin1')
  return values.find((known) => start(known) === start(String(value))) ?? OTHER
}

function oneIn(bounds: readonly number[], value: number): readonly number[] {
  const bucket = bounds.findIndex((bound) => value <= bound)
  return bounds.map((_, i) => Number(i === bucket))
}
