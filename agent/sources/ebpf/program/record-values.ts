import type { Field, Kind, Tracepoint } from '../../../tracepoints/define.ts'
import type { Layouts } from './program.ts'

/** Bytes of a record that a value takes at most: a number, a hash, or a text with its NUL. A hash in hex has room to be too long. */
export const valueLength: Readonly<Record<Kind, number>> = {
  integer: 8,
  hashPrefix: 8,
  rawHash: 32,
  hexHash: 72,
  text: 128,
  longText: 256,
}

/** Bytes from a value to the next one in a record. */
export const paddedLength = (length: number): number => (length + 7) & ~7

/** Throws if a tracepoint that is recorded has arguments for which a record of the kernel program has no room. */
export function checkCapacity({ record, spec }: Pick<Layouts, 'record' | 'spec'>, tracepoints: readonly Tracepoint[]): void {
  const most = spec.fields.arguments.size / spec.fields.arguments.element
  const faults = tracepoints
    .filter(({ counted }) => counted === undefined)
    .flatMap(({ probe, args }) => {
      const beyond = argumentsBeyond(args, most, record.fields.values.size)
      return beyond.length > 0 ? [`${probe} (${beyond.join(', ')})`] : []
    })
  if (faults.length === 0) return
  throw new Error(`a record of the kernel program has no room for all arguments of ${faults.join(' and ')}`)
}

/** Names of those that are more than `most`, or for which `room` bytes are too few. */
function argumentsBeyond(args: Readonly<Record<string, Field>>, most: number, room: number): readonly string[] {
  let end = 0
  return Object.entries(args).flatMap(([name, { kind }], i) => {
    const needed = end + roomFor(kind)
    end += paddedLength(valueLength[kind])
    return i < most && needed <= room ? [] : [name]
  })
}

/** The verifier wants to see room for the longest text where any text or hash begins. */
function roomFor(kind: Kind): number {
  return isNumber(kind) ? valueLength[kind] : valueLength.longText
}

export function isNumber(kind: Kind): boolean {
  return kind === 'integer' || kind === 'hashPrefix'
}
