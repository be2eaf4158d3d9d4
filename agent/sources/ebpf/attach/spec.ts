import type { Counted, Field, Known, Tracepoint } from '../../../tracepoints/define.ts'
import type { Argument } from '../binary/arguments.ts'
import type { Site } from '../binary/notes.ts'
import type { Layouts } from '../program/program.ts'
import { isNumber, valueLength } from '../program/record-values.ts'
import { shapeOf } from '../totals-shape.ts'

/** `enum place` and `enum type` of the kernel program. */
const place = { constant: 1, register: 2, memory: 3, indexed: 4 } as const
const type = { unsigned: 1, signed: 2, text: 3, hash: 4, bytes: 5 } as const

/** A process, and the number of it that records and totals carry. */
export interface SpecTarget {
  readonly number: number
  readonly pid: number
  /** Number of the process's share of the ring. */
  readonly share: number
}

/**
 * Writes the `struct spec` that tells the kernel program where the arguments are that fire at this site, and what to count of a
 * tracepoint that is counted: its totals begin at `totals`.
 */
export function encodeSpec(
  layouts: Layouts,
  target: SpecTarget,
  number: number,
  tracepoint: Tracepoint,
  site: Site,
  totals: number,
): Buffer {
  const { spec } = layouts
  const args = Object.entries(tracepoint.args).slice(0, site.arguments.length)
  const bytes = Buffer.alloc(spec.size)
  bytes.writeUInt32LE(target.number, spec.fields.target.offset)
  bytes.writeUInt32LE(target.pid, spec.fields.pid.offset)
  bytes.writeUInt16LE(number, spec.fields.tracepoint.offset)
  bytes.writeUInt16LE(args.length, spec.fields.count.offset)
  bytes.writeUInt32LE(target.share, spec.fields.share.offset)
  args.forEach(([, field], i) => {
    writeArgument(bytes, layouts, i, field, site.arguments[i] as Argument)
  })
  if (tracepoint.counted) writeCounting(bytes, layouts, tracepoint.counted, tracepoint, totals)
  return bytes
}

function writeArgument(bytes: Buffer, { spec, argument: layout }: Layouts, i: number, field: Field, argument: Argument): void {
  const at = spec.fields.arguments.offset + i * spec.fields.arguments.element
  const write = (field: keyof typeof layout.fields, value: number) => bytes.writeUInt8(value, at + layout.fields[field].offset)
  write('type', typeOf(field, argument))
  bytes.writeUInt16LE(valueLength(field), at + layout.fields.length.offset)
  const where = argument.place
  if (where === undefined) return // PLACE_UNKNOWN
  write('size', argument.size)
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
}

/** Arguments are named by their number. One that this site does not pass lies in no known place. */
function writeCounting(
  bytes: Buffer,
  { spec, label: layout }: Layouts,
  counted: Counted,
  { args, recorded }: Tracepoint,
  totals: number,
): void {
  const { by = {}, sums = [], histogram } = counted
  const names = Object.keys(args)
  const shape = shapeOf(counted)
  bytes.writeUInt32LE(totals, spec.fields.totals.offset)
  bytes.writeUInt8(shape.labels.length, spec.fields.labels.offset)
  shape.labels.forEach(({ name, values, compared, step }, i) => {
    const at = spec.fields.by.offset + i * spec.fields.by.element
    bytes.writeUInt8(names.indexOf(name), at + layout.fields.argument.offset)
    bytes.writeUInt8(values.length, at + layout.fields.known.offset)
    bytes.writeUInt8(compared === 0 ? 0 : compared + 1, at + layout.fields.length.offset)
    bytes.writeUInt16LE(step, at + layout.fields.step.offset)
  })
  bytes.writeUInt8(sums.length, spec.fields.sums.offset)
  sums.forEach((name, i) => {
    bytes.writeUInt8(names.indexOf(name), spec.fields.summed.offset + i)
  })
  if (histogram) {
    bytes.writeUInt8(histogram.bounds.length, spec.fields.bounds.offset)
    bytes.writeUInt8(names.indexOf(histogram.of), spec.fields.measured.offset)
  }
  if (recorded) bytes.writeBigUInt64LE(bitsOf(by[recorded.where], recorded.is), spec.fields.recorded.offset)
}

/** The values among those that a label knows. */
function bitsOf(known: Known | undefined, values: readonly string[]): bigint {
  return values.reduce((bits, value) => bits | (1n << BigInt(known?.values.indexOf(value) ?? 0)), 0n)
}

function typeOf({ kind }: Field, { signed }: Argument): number {
  if (kind === 'rawHash') return type.hash
  if (kind === 'bytes') return type.bytes
  if (!isNumber(kind)) return type.text
  return signed ? type.signed : type.unsigned
}
