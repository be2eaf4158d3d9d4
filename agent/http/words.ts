import { Html, html } from './html.ts'

// Kept: to make one takes longer than to use it a hundred times.
const [whole, tenths, hundredths] = [0, 1, 2].map(
  (digits) => new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
) as [Intl.NumberFormat, Intl.NumberFormat, Intl.NumberFormat]

export function count(value: number): string {
  return whole.format(value)
}

export function percent(share: number): string {
  return `${Math.round(100 * share)}%`
}

/** A duration, with as many digits as say something. */
export function milliseconds(ms: number): string {
  const size = Math.abs(ms)
  const format = size >= 100 ? whole : size >= 10 ? tenths : hundredths
  return `${format.format(ms)} ms`
}

/** A moment, which the page's script turns into an age. */
export function moment(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`
}

/** Text that others wrote: cut where it is too long, and its direction of writing stays in it. */
export function foreign(text: string, most: number): Html {
  return html`<bdi>${cut(text, most)}</bdi>`
}

function cut(text: string, most: number): string {
  if (text.length <= most) return text
  // Not within a pair of surrogates.
  return `${text
    .slice(0, most - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`
}

export const nothing = new Html('')
