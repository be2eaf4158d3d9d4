import type { Kind, Tracepoint } from '../../tracepoints/define.ts'
import type { Argument } from './arguments.ts'
import type { Site } from './notes.ts'
import type { Layouts } from './program.ts'

/** `enum place` and `enum type` of the kernel program. */
const place = { unknown: 0, constant: 1, register: 2, memory: 3, indexed: 4 } as const
const type = { skip: 0, scalar: 1, text: 2, longText: 3, hash: 4 } as const

const typeOf: Readonly<Record<Kind, number>> = {
  integer: type.scalar,
  hashPrefix: type.scalar,
  text: type.text,
  hexHash: type.text,
  longText: type.longText,
  rawHash: type.hash,
}

/** Writes the `struct spec` that tells `record_event` where the arguments are that fire at this site. */
export function recordSpec(layouts: Layouts, target: number, number: number, tracepoint: Tracepoint, site: Site): Buffer {
  const fields = Object.values(tracepoint.args)
  const passed = site.arguments.slice(0, fields.length)
  return encode(
    layouts,
    target,
    number,
    passed.map((argument, i) => ({ argument, type: typeOf[(fields[i] as (typeof fields)[number]).kind] })),
  )
}

/** Writes the `struct spec` that tells `count_event` what to count by and what to add up. */
export function countSpec(layouts: Layouts, target: number, number: number, tracepoint: Tracepoint, site: Site): Buffer {
  const names = Object.keys(tracepoint.args)
  const argument = (name: string | undefined) => (name === undefined ? undefined : site.arguments[names.indexOf(name)])
  return encode(layouts, target, number, [
    { argument: argument(tracepoint.counted?.by), type: type.text },
    { argument: argument(tracepoint.counted?.sum), type: type.scalar },
  ])
}

interface Entry {
  readonly argument: Argument | undefined
  readonly type: number
}

function encode({ spec, argument: layout }: Layouts, target: number, number: number, entries: readonly Entry[]): Buffer {
  const bytes = Buffer.alloc(spec.size)
  bytes.writeUInt32LE(target, spec.fields.target.offset)
  bytes.writeUInt16LE(number, spec.fields.tracepoint.offset)
  bytes.writeUInt16LE(entries.length, spec.fields.count.offset)
  entries.forEach((entry, i) => {
    const at = spec.fields.arguments.offset + i * spec.fields.arguments.element
    const write = (field: keyof typeof layout.fields, value: number) => bytes.writeUInt8(value, at + layout.fields[field].offset)
    write('type', entry.type)
    if (entry.argument?.place === undefined) return
    write('size', entry.argument.size)
    write('is_signed', Number(entry.argument.signed))
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
