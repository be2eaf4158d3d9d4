/** A line of debug.log without what bitcoind puts before each message. */
export interface LogLine {
  /** Wall clock in µs since 1970, cut to what the line has; `undefined` under `logtimestamps=0`. */
  readonly unixUs: number | undefined
  /** Whether the time has fractions of a second (`logtimemicros=1`). */
  readonly hasMicros: boolean
  readonly message: string
}

/** Bitcoin Core 30 marks each line so while it logs too much. */
const EXCESSIVE = /^\[\*\] /
const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z (?:\(mocktime: [^)]{1,40}\) )?/
/** A thread, a category, a level, or a category with its level. None holds a space, which tells `[background validation]` from them. */
const WORD = /^\[[\w.:-]{1,64}\] /
const PLACE = /^\[[\w./+-]{1,256}\.(?:cpp|cc|c|hpp|h):\d{1,9}\] /
/** Thread, place and function, category and level. */
const MOST_FIELDS = 5
const LONGEST_FUNCTION = 2048

/** Takes the prefix off a line, whatever bitcoind was told to put there. */
export function parsePrefix(line: string): LogLine {
  let rest = line.replace(EXCESSIVE, '')
  const [prefix = '', time, fraction] = TIME.exec(rest) ?? []
  rest = rest.slice(prefix.length)
  for (let fields = 0; fields < MOST_FIELDS; fields++) {
    const length = fieldLength(rest)
    if (length === 0) break
    rest = rest.slice(length)
  }
  return { unixUs: time === undefined ? undefined : microseconds(time, fraction), hasMicros: fraction !== undefined, message: rest }
}

function fieldLength(rest: string): number {
  const place = PLACE.exec(rest)?.[0].length
  if (place === undefined) return WORD.exec(rest)?.[0].length ?? 0
  return place + functionLength(rest.slice(place, place + LONGEST_FUNCTION))
}

/** The signature of a function can hold brackets itself: `[… [with T = CScriptCheck; R = …]] `. */
function functionLength(rest: string): number {
  let depth = 0
  for (let i = 0; i < rest.length; i++) {
    if (rest[i] === '[') depth++
    if (rest[i] === ']') depth--
    if (depth === 0) return i > 0 && rest[i + 1] === ' ' ? i + 2 : 0
  }
  return 0
}

function microseconds(time: string, fraction = ''): number | undefined {
  const ms = Date.parse(`${time}Z`)
  return Number.isNaN(ms) ? undefined : ms * 1e3 + Number(fraction.slice(0, 6).padEnd(6, '0'))
}
