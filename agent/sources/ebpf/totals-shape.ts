import { type Counted, type Known, OTHER } from '../../tracepoints/define.ts'

/** A label, and how far the totals of one of its values are from those of the next. */
interface ShapedLabel extends Known {
  readonly name: string
  readonly step: number
}

/**
 * How the totals of a tracepoint lie in the kernel program's map: a row for each set of values that its labels can have, with the
 * number of hits, the sums, and the buckets.
 */
export interface TotalsShape {
  readonly labels: readonly ShapedLabel[]
  /** Totals of one row. */
  readonly width: number
  /** Of all rows. */
  readonly size: number
}

export function shapeOf({ by = {}, sums = [], histogram }: Counted): TotalsShape {
  const width = 1 + sums.length + (histogram ? histogram.bounds.length + 1 : 0)
  let step = width
  const labels = Object.entries(by).map(([name, known]): ShapedLabel => {
    const label = { name, ...known, step }
    step *= known.values.length + 1
    return label
  })
  return { labels, width, size: step }
}

/** The values that the labels have in the row that begins there. */
export function labelsAt({ labels }: TotalsShape, at: number): Readonly<Record<string, string>> {
  return Object.fromEntries(labels.map(({ name, values, step }) => [name, values[Math.floor(at / step) % (values.length + 1)] ?? OTHER]))
}
