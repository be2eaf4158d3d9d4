import { Html, html } from './html.ts'

/** By their digits. Each is made when it is first used, since that takes 10 ms, and kept. */
const formats = new Map<number, Intl.NumberFormat>()

function written(value: number, digits: number): string {
  const known = formats.get(digits)
  if (known) return known.format(value)
  formats.set(digits, new Intl.NumberFormat('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }))
  return written(value, digits)
}

export function count(value: number): string {
  return written(value, 0)
}

export function percent(share: number): string {
  return `${Math.round(100 * share)}%`
}

/** A duration, with as many digits as say something. */
export function milliseconds(ms: number): string {
  const size = Math.abs(ms)
  return `${written(ms, size >= 100 ? 0 : size >= 10 ? 1 : 2)} ms`
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
