import type { Facts } from './facts.ts'

/** The JSON types of fields. Times are ISO 8601 in UTC, with µs. */
interface Kinds {
  readonly text: string
  readonly time: string
  readonly integer: number
  readonly decimal: number
  readonly boolean: boolean
}

export interface RecordField<T> {
  readonly kind: keyof Kinds
  readonly meaning: string
  /** Returns `undefined` where the value is not known; the record then lacks the field. */
  readonly read: (facts: Facts) => T
}

const field = <const Kind extends keyof Kinds>(kind: Kind) => {
  return <T extends Kinds[Kind] | undefined>(meaning: string, read: (facts: Facts) => T): RecordField<T> => ({ kind, meaning, read })
}
export const text = field('text')
export const time = field('time')
export const integer = field('integer')
export const decimal = field('decimal')
export const boolean = field('boolean')

/** The time of day at a stamp, in µs since 1970. */
export function at({ timeAt }: Facts, stampNs: number | undefined): number | undefined {
  return stampNs === undefined ? undefined : timeAt(stampNs)
}

/** The second that was formatted last. The times of a block are close together, and formatting a Date costs more than the rest of a record. */
let written = { second: Number.NaN, text: '' }

/** Formats with µs, which a comparison of nodes needs; a Date has only ms. Returns `undefined` for what is not a time. */
export function isoTime(us: number): string
export function isoTime(us: number | undefined): string | undefined
export function isoTime(us: number | undefined): string | undefined {
  if (us === undefined || !Number.isSafeInteger(us)) return undefined // up to the year 2255
  const second = Math.floor(us / 1e6)
  if (second !== written.second) written = { second, text: new Date(second * 1e3).toISOString().slice(0, -'000Z'.length) }
  return `${written.text}${String(us - second * 1e6).padStart(6, '0')}Z`
}

/** Returns the ms from one time of a record to another, exact to the µs; `undefined` where one is not known, or they come the other way round. */
export function millisecondsBetween(from: string | undefined, to: string | undefined): number | undefined {
  if (from === undefined || to === undefined) return undefined
  const ms = (microsecondsOf(to) - microsecondsOf(from)) / 1e3
  return ms >= 0 ? ms : undefined
}

const microsecondsOf = (time: string) => Date.parse(`${time.slice(0, 19)}Z`) * 1e3 + Number(time.slice(20, 26))

export function quotient(value: number | undefined, divisor: number): number | undefined {
  return value === undefined ? undefined : value / divisor
}
