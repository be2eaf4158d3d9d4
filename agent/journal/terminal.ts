import { styleText } from 'node:util'
import type { SlowThresholds } from '../blocks/severity.ts'

/** What text is written to, and how. */
export interface Terminal {
  /** Columns of the terminal; `undefined` where it is none, but a file or a pipe: then nothing is left out or cut short for room. */
  readonly columns: number | undefined
  readonly paint: Paint
  /** What is slow enough to stand out. */
  readonly thresholds: SlowThresholds
}

export type Style = 'bold' | 'dim' | 'yellow' | 'red'
export type Paint = (style: Style | undefined, text: string) => string

export const inColour: Paint = (style, text) => (style ? styleText(style, text, { validateStream: false }) : text)
export const plain: Paint = (_style, text) => text

/** A text's lines, broken between words so that they fit. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return lines
}
