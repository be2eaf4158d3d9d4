/** A size and what was measured at it. */
export type Point = readonly [size: number, value: number]

/** What differs by less than this part of the largest is taken for equal: two runs on one machine differ as much. */
const NOISE = 0.15
/** Share of the variance that a line explains. */
const LINEAR_FROM = 0.95

/** The line of least squares. */
export function fitLine(points: readonly Point[]): { readonly slope: number; readonly explained: number } {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [meanSize, meanValue] = [mean(points.map(([size]) => size)), mean(points.map(([, value]) => value))]
  const covariance = mean(points.map(([size, value]) => (size - meanSize) * (value - meanValue)))
  const sizeVariance = mean(points.map(([size]) => (size - meanSize) ** 2))
  const valueVariance = mean(points.map(([, value]) => (value - meanValue) ** 2))
  return { slope: covariance / sizeVariance, explained: covariance ** 2 / (sizeVariance * valueVariance) }
}

/** Says how values grow: flat, linear with the slope, or neither. `unit` is the values', `noun` that of which there are more, `per` so many. */
export function describeGrowth(points: readonly Point[], unit: string, noun: string, per: number): string {
  const values = points.map(([, value]) => value)
  const [lowest, highest] = [Math.min(...values), Math.max(...values)]
  if (highest - lowest <= NOISE * Math.abs(highest)) return 'flat'
  const { slope, explained } = fitLine(points)
  const rate = `${Number((slope * per).toPrecision(2))} ${unit} per ${per === 1 ? noun.replace(/s$/, '') : `${per.toLocaleString('en')} ${noun}`}`
  return explained >= LINEAR_FROM ? `linear, ${rate}` : `neither flat nor linear, ${rate} on the whole`
}
