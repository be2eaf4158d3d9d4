import { formatCount, formatPercent } from './format.ts'
import { type Html, html, nothing } from './html.ts'

/** Values drawn in one colour. */
interface ChartSeries {
  readonly name: string
  /** Classes of the style that give the colour. */
  readonly classes: string
  readonly values: readonly number[]
  /** Drawn downwards from the axis. */
  readonly isBelow?: boolean
}

interface HistogramChart {
  readonly title: string
  /** Meaning of the colours, for those who see them. */
  readonly legend: Html
  /** Ends of the buckets but the last, in ms. */
  readonly edges: readonly number[]
  /** Stacked in this order, outwards from the axis. */
  readonly series: readonly ChartSeries[]
}

interface Bars extends Omit<ChartSeries, 'values'> {
  readonly counts: readonly number[]
}

const WIDTH = 420
const HEIGHT = 132
/** Height of the numbers at the ends of the bars, and of the buckets' names. */
const NUMBER_HEIGHT = 14
const NAME_HEIGHT = 18

/** Draws bars over ranges of milliseconds, and a table for those who cannot see them. */
export function renderHistogram({ title, legend, edges, series }: HistogramChart): Html {
  const bars = series.map(({ values, ...rest }) => ({ ...rest, counts: countIn(edges, values) }))
  const names = rangeNames(edges)
  return html`<figure><figcaption>${title}</figcaption>${drawing(shortNames(edges), bars)}${legend}${table(title, names, bars)}</figure>`
}

function countIn(edges: readonly number[], values: readonly number[]): readonly number[] {
  const counts = Array.from({ length: edges.length + 1 }, () => 0)
  for (const value of values) {
    const bucket = edges.findIndex((edge) => value < edge)
    const at = bucket < 0 ? edges.length : bucket
    counts[at] = (counts[at] ?? 0) + 1
  }
  return counts
}

function rangeNames(edges: readonly number[]): readonly string[] {
  const inner = edges.slice(1).map((edge, i) => `${edges[i]}–${edge}`)
  return [`<${edges[0]}`, ...inner, `≥${edges.at(-1)}`]
}

/** Names of ranges for below the bars, where there is little room: those that reach a second are in seconds. */
function shortNames(edges: readonly number[]): readonly string[] {
  const seconds = (ms = 0) => ms / 1000
  return rangeNames(edges).map((name, i) => {
    const [from, to] = [edges[i - 1], edges[i]]
    if ((to ?? from ?? 0) < 1000) return name
    if (from === undefined) return `<${seconds(to)} s`
    return to === undefined ? `≥${seconds(from)} s` : `${seconds(from)}–${seconds(to)} s`
  })
}

function drawing(names: readonly string[], bars: readonly Bars[]): Html {
  const above = bars.filter(({ isBelow }) => !isBelow)
  const below = bars.filter(({ isBelow }) => isBelow)
  const [most, mostBelow] = [tallest(above), tallest(below)]
  const scale = (HEIGHT - NUMBER_HEIGHT * (below.length > 0 ? 2 : 1)) / Math.max(1, most + mostBelow)
  const axis = NUMBER_HEIGHT + most * scale
  const bottom = HEIGHT + NAME_HEIGHT
  const step = WIDTH / names.length
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${bottom}" aria-hidden="true">${names.map((name, i) => {
    const middle = round((i + 0.5) * step)
    return html`${stack(above, i, { axis, scale, step })}${stack(below, i, { axis, scale: -scale, step })}<text x="${middle}" y="${bottom - 4}">${name}</text>`
  })}<path d="M0 ${round(axis)}h${WIDTH}"/></svg>`
}

interface Place {
  readonly axis: number
  /** Height of a bar of one; negative downwards. */
  readonly scale: number
  readonly step: number
}

/** Draws one bucket's bars, with their sum at the end. */
function stack(bars: readonly Bars[], bucket: number, { axis, scale, step }: Place): Html {
  const left = round((bucket + 0.14) * step)
  const width = round(0.72 * step)
  let end = axis
  const drawn = bars.map(({ classes, counts }) => {
    const height = (counts[bucket] ?? 0) * scale
    if (height === 0) return nothing
    end -= height
    return html`<rect class="${classes}" x="${left}" y="${round(Math.min(end, end + height))}" width="${width}" height="${round(Math.abs(height))}" rx="1.5"/>`
  })
  const sum = sumAt(bars, bucket)
  if (sum === 0) return nothing
  return html`${drawn}<text x="${round(left + width / 2)}" y="${round(scale > 0 ? end - 3 : end + 11)}">${formatCount(sum)}</text>`
}

function tallest(bars: readonly Bars[]): number {
  return Math.max(0, ...(bars[0]?.counts.map((_, bucket) => sumAt(bars, bucket)) ?? []))
}

function sumAt(bars: readonly Bars[], bucket: number): number {
  return bars.reduce((sum, { counts }) => sum + (counts[bucket] ?? 0), 0)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** End tags that HTML does without are left out: there are many. */
function table(title: string, names: readonly string[], bars: readonly Bars[]): Html {
  return html`<div class="unseen"><table><caption>${title}</caption><tr><th scope="col">ms${bars.map((series) => html`<th scope="col">${series.name}`)}${names.map(
    (name, i) => html`<tr><th scope="row">${name}${bars.map(({ counts }) => html`<td>${counts[i] ?? 0}`)}`,
  )}</table></div>`
}

interface ChartShare {
  readonly name: string
  readonly colour: string
  readonly count: number
}

/** Draws the parts of a whole as a table with a bar in each row, and below it a note on what is none of them. */
export function renderShares(title: string, parts: readonly ChartShare[], note: Html): Html {
  const whole = parts.reduce((sum, part) => sum + part.count, 0)
  return html`<figure><figcaption>${title}</figcaption><table class="shares"><tr class="unseen"><th scope="col">Path</th><td></td><th scope="col">Blocks</th><th scope="col">Share</th></tr>${parts.map(
    (part) => {
      const share = whole === 0 ? 0 : part.count / whole
      return html`<tr><th scope="row">${part.name}</th><td aria-hidden="true"><svg><rect class="${part.colour}" width="${round(100 * share)}%" height="100%" rx="2"/></svg></td><td>${formatCount(part.count)}</td><td>${whole === 0 ? '–' : formatPercent(share)}</td></tr>`
    },
  )}</table>${note}</figure>`
}
