import { styleText } from 'node:util'
import { escapeControls } from './escape.ts'
import type { Settings } from './settings/load.ts'

export type LogFormat = Settings['logFormat']

/** The place that lines are written to. A pipe is as a file is. */
export type Destination = 'coloured terminal' | 'terminal' | 'journal' | 'file'

/** Longer lines of text are cut: whoever reads them wants the beginning. JSON has all. */
const MOST_CHARACTERS = 1_000

interface Level {
  /** As bitcoind's debug.log has it: nothing for the usual one. */
  readonly mark: string
  /** As fibre_exporter has it. */
  readonly name: string
  /** As syslog numbers it. */
  readonly priority: number
  readonly style?: 'red' | 'yellow' | 'dim'
}

const info: Level = { mark: '', name: 'INFO', priority: 6 }
const levels: Readonly<Record<string, Level>> = {
  debug: { mark: '[debug] ', name: 'DEBUG', priority: 7, style: 'dim' },
  info,
  warn: { mark: '[warning] ', name: 'WARNING', priority: 4, style: 'yellow' },
  error: { mark: '[error] ', name: 'ERROR', priority: 3, style: 'red' },
}

/** Returns what makes of a line of JSON one of the format. What others wrote cannot act on a terminal, or begin a line of its own. */
export function formatterOf(format: LogFormat, destination: Destination): (json: string) => string {
  if (format === 'fibre_exporter') return (json) => olderText(JSON.parse(json))
  if (format === 'json' || (format === 'auto' && destination === 'file')) return (json) => json
  if (destination === 'journal') return (json) => journalText(JSON.parse(json))
  const isColoured = destination === 'coloured terminal'
  return (json) => text(JSON.parse(json), isColoured)
}

interface Line {
  readonly level: string
  readonly time: string
  readonly msg: string
  /** Sentence that says the same as all other fields. */
  readonly summary?: string
  readonly [field: string]: unknown
}

/** Time and level as in bitcoind's debug.log, since people read the two side by side. */
function text({ level, time, ...line }: Line, isColoured: boolean): string {
  const { mark, style } = levels[level] ?? info
  const [message, fields] = cut(sentence(line))
  const second = `${time.slice(0, 'YYYY-MM-DDThh:mm:ss'.length)}Z`
  if (!isColoured) return `${second} ${mark}${message}${fields}\n`
  const paint = (style: Level['style'], text: string) => (style && text ? styleText(style, text, { validateStream: false }) : text)
  return `${paint('dim', second)} ${paint(style, mark)}${message}${paint('dim', fields)}\n`
}

/** The journal has time and unit of each line, and takes the level from its beginning (sd-daemon(3)): `journalctl -p warning`. */
function journalText({ level, time: _, ...line }: Line): string {
  return `<${(levels[level] ?? info).priority}>${cut(sentence(line)).join('')}\n`
}

/** Local time without a zone, as Python's logging writes it. */
function olderText({ level, time, ...line }: Line): string {
  const at = new Date(time)
  const pad = (value: number) => String(value).padStart(2, '0')
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(pad).join('-')
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(pad).join(':')
  return `${day} ${clock} [${(levels[level] ?? info).name}] fibre_exporter: ${cut(sentence(line)).join('')}\n`
}

type Sentence = readonly [message: string, fields: string]

function sentence({ msg = '', summary, ...fields }: Partial<Line>): Sentence {
  if (summary !== undefined) return [escapeControls(summary), '']
  const shown = Object.entries(fields).map(([name, value]) => ` ${name}=${shownValue(value)}`)
  return [escapeControls(msg), escapeControls(shown.join(''))]
}

/** A text that could be taken for several values is quoted. Of an error its message is shown. */
function shownValue(value: unknown): string {
  const told = isError(value) ? value.message : value
  return typeof told === 'string' && /^[^\s"=]+$/.test(told) ? told : JSON.stringify(told)
}

const isError = (value: unknown): value is { readonly message: string } =>
  typeof value === 'object' && value !== null && 'stack' in value && 'message' in value

function cut([message, fields]: Sentence): Sentence {
  const left = MOST_CHARACTERS - message.length
  if (fields.length <= left) return [message, fields]
  return left > 0 ? [message, shortened(fields, left)] : [shortened(message, MOST_CHARACTERS), '']
}

/** Not within a pair of surrogates. */
const shortened = (text: string, length: number) => `${text.slice(0, length).replace(/[\ud800-\udbff]$/, '')}…`
