import { count, nothing, percent } from './format.ts'
import { type Html, html } from './html.ts'

/** Values that are drawn in one colour, named by a class of the page's style. */
export interface Series {
  readonly name: string
  readonly look: string
  readonly values: readonly number[]
  /** Drawn downwards from the axis. */
  readonly isBelow?: boolean
}

export interface Histogram {
  readonly title: string
  /** What the colours mean, for the eye. */
  readonly legend: Html
  /** Where one bucket ends and the next begins, in ms. */
  readonly edges: readonly number[]
  /** Stacked in this order, outwards from the axis. */
  readonly series: readonly Series[]
}

interface Bars extends Omit<Series, 'values'> {
  readonly counts: readonly number[]
}

const WIDTH = 420
const HEIGHT = 132
/** Room for the numbers at the ends of the bars, and for the buckets' names. */
const NUMBER = 14
const NAMES = 18

/** Bars over ranges of milliseconds; the same as a table for who cannot see them. */
export function histogram({ title, legend, edges, series }: Histogram): Html {
  const bars = series.map(({ values, ...rest }) => ({ ...rest, counts: countIn(edges, values) }))
  const names = rangeNames(edges)
  return html`<figure><figcaption>${title}</figcaption>${drawing(names, bars)}${legend}${table(title, names, bars)}</figure>`
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

function drawing(names: readonly string[], bars: readonly Bars[]): Html {
  const above = bars.filter(({ isBelow }) => !isBelow)
  const below = bars.filter(({ isBelow }) => isBelow)
  const [most, mostBelow] = [tallest(above), tallest(below)]
  const scale = (HEIGHT - NUMBER * (below.length > 0 ? 2 : 1)) / Math.max(1, most + mostBelow)
  const axis = NUMBER + most * scale
  const bottom = HEIGHT + NAMES
  const step = WIDTH / names.length
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${bottom}" aria-hidden="true">${names.map((name, i) => {
    const middle = round((i + 0.5) * step)
    return html`${stack(above, i, { axis, scale, step })}${stack(below, i, { axis, scale: -scale, step })}<text x="${middle}" y="${bottom - 4}">${name}</text>`
  })}<path d="M0 ${round(axis)}h${WIDTH}"/></svg>`
}

interface Place {
  readonly axis: number
  /** Height of one; negative downwards. */
  readonly scale: number
  readonly step: number
}

/** One bucket's bars, with their number at the end. */
function stack(bars: readonly Bars[], bucket: number, { axis, scale, step }: Place): Html {
  const left = round((bucket + 0.14) * step)
  const width = round(0.72 * step)
  let end = axis
  const drawn = bars.map(({ look, counts }) => {
    const height = (counts[bucket] ?? 0) * scale
    if (height === 0) return nothing
    end -= height
    return html`<rect class="${look}" x="${left}" y="${round(Math.min(end, end + height))}" width="${width}" height="${round(Math.abs(height))}" rx="1.5"/>`
  })
  const sum = sumAt(bars, bucket)
  if (sum === 0) return nothing
  return html`${drawn}<text x="${round(left + width / 2)}" y="${round(scale > 0 ? end - 3 : end + 11)}">${count(sum)}</text>`
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

/** End tags are left out where HTML does without: there are many of these. */
function table(title: string, names: readonly string[], bars: readonly Bars[]): Html {
  return html`<div class="unseen"><table><caption>${title}</caption><tr><th scope="col">ms${bars.map((series) => html`<th scope="col">${series.name}`)}${names.map(
    (name, i) => html`<tr><th scope="row">${name}${bars.map(({ counts }) => html`<td>${counts[i] ?? 0}`)}`,
  )}</table></div>`
}

export interface Share {
  readonly name: string
  readonly look: string
  readonly count: number
}

/** How a whole is made up: a bar for each part, which is a table as it stands. */
export function shares(title: string, parts: readonly Share[]): Html {
  const whole = parts.reduce((sum, part) => sum + part.count, 0)
  return html`<figure><figcaption>${title}</figcaption><table class="shares"><tr class="unseen"><th scope="col">Path</th><td></td><th scope="col">Blocks</th><th scope="col">Share</th></tr>${parts.map(
    (part) => {
      const share = whole === 0 ? 0 : part.count / whole
      return html`<tr><th scope="row">${part.name}</th><td aria-hidden="true"><svg><rect class="${part.look}" width="${round(100 * share)}%" height="100%" rx="2"/></svg></td><td>${count(part.count)}</td><td>${whole === 0 ? '–' : percent(share)}</td></tr>`
    },
  )}</table></figure>`
}
