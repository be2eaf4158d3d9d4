import wrapAnsi from 'wrap-ansi'
import { allFlags, type Grammar } from './command-line.ts'
import type { Flag, Flags } from './flags.ts'

/** Help of a command. */
export interface Help {
  readonly usage: readonly string[]
  readonly parts: readonly HelpPart[]
}

/** A paragraph, flags by name, or examples. */
type HelpPart =
  | string
  | { readonly title: string; readonly flags: readonly string[] }
  | { readonly title: string; readonly examples: readonly { readonly words: string; readonly meaning: string }[] }

/** Columns where there is no terminal. */
const WIDTH = 80
/** Lines are as wide as the terminal, but not so wide that they are hard to read, nor too narrow for flags. */
const [NARROWEST, WIDEST] = [40, 100]

/** Lays out the help of a command, as wide as a terminal has columns. */
export function helpText({ usage, parts }: Help, grammar: Pick<Grammar<Flags>, 'flags' | 'settings'>, columns = WIDTH): string {
  const width = Math.min(Math.max(columns, NARROWEST), WIDEST)
  const flags = allFlags(grammar)
  const head = usage.map((line, index) => `${index === 0 ? 'Usage: ' : '       '}${line}`)
  return [head.join('\n'), ...parts.map((part) => textOf(part, flags, width))].join('\n\n')
}

function textOf(part: HelpPart, flags: Flags, width: number): string {
  if (typeof part === 'string') return wrap(part, '', width)
  if ('flags' in part) return [part.title, ...part.flags.map((name) => entryOf(name, flags[name], width))].join('\n')
  const examples = part.examples.map(({ words, meaning }) => `  # ${meaning}\n  ${words}`)
  return [part.title, ...examples].join('\n')
}

function entryOf(name: string, flag: Flag | undefined, width: number): string {
  if (flag === undefined) throw new Error(`the help names a flag that there is not: ${name}`)
  const { help, note } = flag
  return [`  ${spellingOf(name, flag)}`, wrap(help, '      ', width), ...(note ? [wrap(`[${note}]`, '      ', width)] : [])].join('\n')
}

/** A flag as it is written, with its short form and its value. */
export function spellingOf(name: string, { short, placeholder, isNegatable }: Flag): string {
  return [`${short ? `-${short}, ` : ''}--${isNegatable ? '[no-]' : ''}${name}`, placeholder].filter(Boolean).join(' ')
}

/** Breaks a text between words so that it fits, and indents its lines. */
function wrap(text: string, indent: string, width: number): string {
  return wrapAnsi(text, width - indent.length).replace(/^/gm, indent)
}
