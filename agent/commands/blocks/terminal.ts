import { styleText } from 'node:util'
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'
import type { SlowThresholds } from '../../blocks/severity.ts'

/** The place that text is written to. */
export interface Terminal {
  /** Columns of the terminal; `undefined` where it is none, but a file or a pipe: then nothing is left out or cut short for room. */
  readonly columns: number | undefined
  readonly paint: Paint
  /** Reconstruction times from which on a block stands out. */
  readonly thresholds: SlowThresholds
}

export type Style = 'bold' | 'dim' | 'yellow' | 'red'
export type Paint = (style: Style | undefined, text: string) => string

export const inColour: Paint = (style, text) => (style ? styleText(style, text, { validateStream: false }) : text)
export const plain: Paint = (_style, text) => text

/** Breaks a text between words into lines that fit. */
export function wrapped(text: string, width: number): readonly string[] {
  return wrapAnsi(text, width).split('\n')
}

/** Cuts a text without unseen characters to a width. */
export function cut(text: string, width: number): string {
  if (text.length <= width / 2 || stringWidth(text) <= width) return text
  let kept = ''
  let left = width - 1 // for the ellipsis
  for (const character of text) {
    left -= stringWidth(character)
    if (left < 0) break
    kept += character
  }
  return `${kept}…`
}
