import type { Kind, Tracepoint } from '../../../tracepoints/define.ts'
import type { Argument } from '../binary/arguments.ts'
import type { Site } from '../binary/notes.ts'
import type { Layouts } from '../program/program.ts'
import { isNumber, valueLength } from '../program/record-values.ts'

/** `enum place` and `enum type` of the kernel program. */
const place = { constant: 1, register: 2, memory: 3, indexed: 4 } as const
const type = { unsigned: 1, signed: 2, text: 3, hash: 4 } as const

/** A process, and the number of it that records and totals carry. */
export interface SpecTarget {
  readonly number: number
  readonly pid: number
  /** Number of the process's share of the ring. */
  readonly share: number
}

/** Writes the `struct spec` that tells `record_event` where the arguments are that fire at this site. */
export function recordSpec(layouts: Layouts, target: SpecTarget, number: number, tracepoint: Tracepoint, site: Site): Buffer {
  const entries = Object.values(tracepoint.args).map(({ kind }, i): Entry => ({ argument: site.arguments[i], kind }))
  return encode(layouts, target, number, entries.slice(0, site.arguments.length))
}

/** Writes the `struct spec` that tells `count_event` what to count by and what to add up. */
export function countSpec(layouts: Layouts, target: SpecTarget, number: number, tracepoint: Tracepoint, site: Site): Buffer {
  const names = Object.keys(tracepoint.args)
  const argument = (name: string | undefined) => (name === undefined ? undefined : site.arguments[names.indexOf(name)])
  return encode(layouts, target, number, [
    { argument: argument(tracepoint.counted?.by), kind: 'text' },
    { argument: argument(tracepoint.counted?.sums?.[0]), kind: 'integer' },
  ])
}

interface Entry {
  readonly argument: Argument | undefined
  readonly kind: Kind
}

function encode({ spec, argument: layout }: Layouts, target: SpecTarget, number: number, entries: readonly Entry[]): Buffer {
  const bytes = Buffer.alloc(spec.size)
  bytes.writeUInt32LE(target.number, spec.fields.target.offset)
  bytes.writeUInt32LE(target.pid, spec.fields.pid.offset)
  bytes.writeUInt16LE(number, spec.fields.tracepoint.offset)
  bytes.writeUInt16LE(entries.length, spec.fields.count.offset)
  bytes.writeUInt32LE(target.share, spec.fields.share.offset)
  entries.forEach((entry, i) => {
    const at = spec.fields.arguments.offset + i * spec.fields.arguments.element
    const write = (field: keyof typeof layout.fields, value: number) => bytes.writeUInt8(value, at + layout.fields[field].offset)
    write('type', typeOf(entry))
    bytes.writeUInt16LE(valueLength[entry.kind], at + layout.fields.length.offset)
    if (entry.argument?.place === undefined) return // PLACE_UNKNOWN
    write('size', entry.argument.size)
    const where = entry.argument.place
    write('place', place[where.kind])
    const offset = layout.fields.offset.offset + at
    switch (where.kind) {
      case 'constant':
        bytes.writeBigInt64LE(where.value, offset)
        break
      case 'register':
        write('base', where.register / 8)
        break
      case 'indexed':
        write('index', where.index / 8)
        write('scale', Math.log2(where.scale))
        write('base', where.base / 8)
        bytes.writeBigInt64LE(where.offset, offset)
        break
      case 'memory':
        write('base', where.base / 8)
        bytes.writeBigInt64LE(where.offset, offset)
        break
    }
  })
  return bytes
}

function typeOf({ argument, kind }: Entry): number {
  if (kind === 'rawHash') return type.hash
  if (!isNumber(kind)) return type.text
  return argument?.signed ? type.signed : type.unsigned
}
