import { type Html, html } from './html.ts'

/** By number of digits. Each is made on first use, since that takes 10 ms, and kept. */
const formats = new Map<number, Intl.NumberFormat>()

function formatNumber(value: number, digits: number): string {
  const known = formats.get(digits)
  if (known) return known.format(value)
  formats.set(digits, new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }))
  return formatNumber(value, digits)
}

export function formatCount(value: number): string {
  return formatNumber(value, 0)
}

export function formatPercent(share: number): string {
  return `${Math.round(100 * share)}%`
}

/** Writes a duration, with the digits that mean something. */
export function formatMs(ms: number): string {
  const size = Math.abs(ms)
  return `${formatNumber(ms, size >= 100 ? 0 : size >= 10 ? 1 : 2)} ms`
}

/** Writes a time, which the page's script turns into an age. */
export function timeElement(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`
}

/** Writes a text from outside: cut where it is longer than `most`, and isolated, so that it turns no other's direction of writing. */
export function foreignText(text: string, most: number): Html {
  return html`<bdi>${truncate(text, most)}</bdi>`
}

function truncate(text: string, most: number): string {
  if (text.length <= most) return text
  // Not within a pair of surrogates.
  return `${text
    .slice(0, most - 1)
    .toWellFormed()
    .replace(/\uFFFD$/, '')}…`
}
