import type { Field, Kind, Tracepoint } from '../../../tracepoints/define.ts'
import type { Layouts } from './program.ts'

/** Bytes of a record that a value takes at most: a number, a hash, or a text with its NUL. A hash in hex has room to be too long. */
const lengths: Readonly<Record<Exclude<Kind, 'bytes'>, number>> = {
  integer: 8,
  hashPrefix: 8,
  rawHash: 32,
  hexHash: 72,
  shortText: 32,
  text: 128,
  longText: 256,
}
/** Most bytes of a payload that the kernel program can read. */
const MOST_BYTES = 128

export const valueLength = ({ kind, most }: Pick<Field, 'kind' | 'most'>): number => (kind === 'bytes' ? most : lengths[kind])

/** Bytes from a value to the next one in a record. */
export const paddedLength = (length: number): number => (length + 7) & ~7

/** Throws if a tracepoint has arguments for which the kernel program has no room. */
export function checkCapacity({ record, spec }: Pick<Layouts, 'record' | 'spec'>, tracepoints: readonly Tracepoint[]): void {
  const most = spec.fields.arguments.size / spec.fields.arguments.element
  const faults = tracepoints.flatMap(({ probe, args, isRecorded }) => {
    const room = isRecorded ? record.fields.values.size : Number.POSITIVE_INFINITY
    const beyond = argumentsBeyond(args, most, room)
    return beyond.length > 0 ? [`${probe} (${beyond.join(', ')})`] : []
  })
  if (faults.length === 0) return
  throw new Error(`a record of the kernel program has no room for all arguments of ${faults.join(' and ')}`)
}

/** Names of those that are more than `most`, or for which `room` bytes are too few. */
function argumentsBeyond(args: Readonly<Record<string, Field>>, most: number, room: number): readonly string[] {
  let end = 0
  return Object.entries(args).flatMap(([name, field], i) => {
    const needed = end + roomFor(field)
    end += paddedLength(valueLength(field))
    return i < most && needed <= room ? [] : [name]
  })
}

/** The verifier wants to see room for the longest text where any text or hash begins. */
function roomFor({ kind }: Field): number {
  if (kind === 'bytes') return MOST_BYTES
  return isNumber(kind) ? lengths[kind] : lengths.longText
}

export function isNumber(kind: Kind): kind is 'integer' | 'hashPrefix' {
  return kind === 'integer' || kind === 'hashPrefix'
}
