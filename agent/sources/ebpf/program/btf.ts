/** The place of a field in a C struct, in bytes. */
interface FieldLayout {
  readonly offset: number
  readonly size: number
  /** Size of one element, of an array. */
  readonly element: number
}

/** A C struct as the compiler laid it out. */
export interface StructLayout<Name extends string> {
  readonly size: number
  readonly fields: Readonly<Record<Name, FieldLayout>>
}

interface Type {
  readonly name: string
  readonly kind: number
  /** Size of the type, or the type that it refers to. */
  readonly sizeOrType: number
  readonly members: readonly { readonly name: string; readonly type: number; readonly offset: number }[]
  readonly array?: { readonly type: number; readonly count: number }
}

const KIND = { int: 1, array: 3, struct: 4, typedef: 8, volatile: 9, const: 10 } as const

/** Bytes behind a type's 12-byte head, by kind (Documentation/bpf/btf.rst); `n` is its number of members. */
const trailing = (kind: number, n: number): number => {
  const byKind: Readonly<Record<number, number>> = {
    1: 4,
    3: 12,
    4: 12 * n,
    5: 12 * n,
    6: 8 * n,
    13: 8 * n,
    14: 4,
    15: 12 * n,
    17: 4,
    19: 12 * n,
  }
  return byKind[kind] ?? 0
}

/** Reads the BTF of the kernel program, so that its structs are stated once, in C. */
export function readLayouts(btf: Buffer): <Name extends string>(struct: string, names: readonly Name[]) => StructLayout<Name> {
  const types = readTypes(btf)
  const sizeOf = (id: number): number => {
    const type = types[id]
    if (type === undefined) return 0
    if (type.array) return type.array.count * sizeOf(type.array.type)
    const refers = type.kind === KIND.typedef || type.kind === KIND.volatile || type.kind === KIND.const
    return refers ? sizeOf(type.sizeOrType) : type.sizeOrType
  }
  return (struct, names) => {
    const type = types.find(({ kind, name }) => kind === KIND.struct && name === struct)
    const fields = names.map((name) => {
      const member = type?.members.find((candidate) => candidate.name === name)
      if (member === undefined) throw new Error(`the kernel program has no field ${struct}.${name}: it is of another version`)
      const size = sizeOf(member.type)
      const element = types[member.type]?.array?.type
      return [name, { offset: member.offset, size, element: element === undefined ? size : sizeOf(element) }]
    })
    return { size: type?.sizeOrType ?? 0, fields: Object.fromEntries(fields) }
  }
}

function readTypes(btf: Buffer): readonly Type[] {
  const headerLength = btf.readUInt32LE(4)
  const start = headerLength + btf.readUInt32LE(8)
  const end = start + btf.readUInt32LE(12)
  const strings = headerLength + btf.readUInt32LE(16)
  const text = (offset: number) => btf.toString('latin1', strings + offset, btf.indexOf(0, strings + offset))
  const types: Type[] = [{ name: 'void', kind: 0, sizeOrType: 0, members: [] }]
  for (let at = start; at < end; ) {
    const information = btf.readUInt32LE(at + 4)
    const kind = (information >>> 24) & 0x1f
    const count = information & 0xffff
    const isBitfields = information >>> 31 === 1
    const head = { name: text(btf.readUInt32LE(at)), kind, sizeOrType: btf.readUInt32LE(at + 8) }
    at += 12
    const members = Array.from({ length: kind === KIND.struct ? count : 0 }, (_, i) => ({
      name: text(btf.readUInt32LE(at + 12 * i)),
      type: btf.readUInt32LE(at + 12 * i + 4),
      offset: (btf.readUInt32LE(at + 12 * i + 8) & (isBitfields ? 0xffffff : 0xffffffff)) / 8,
    }))
    const array = kind === KIND.array ? { array: { type: btf.readUInt32LE(at), count: btf.readUInt32LE(at + 8) } } : {}
    types.push({ ...head, members, ...array })
    at += trailing(kind, count)
  }
  return types
}
