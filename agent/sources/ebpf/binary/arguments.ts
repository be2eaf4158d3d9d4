/** Processors whose register names and addresses we understand. */
export type Machine = 'x64' | 'arm64'

/** The place of an argument when its tracepoint fires. A register is its byte offset in pt_regs (x86-64) or user_pt_regs (arm64). */
type Place =
  | { readonly kind: 'constant'; readonly value: bigint }
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'memory'; readonly base: number; readonly offset: bigint }
  | { readonly kind: 'indexed'; readonly base: number; readonly index: number; readonly scale: Scale; readonly offset: bigint }

type Scale = 1 | 2 | 4 | 8
type Size = 1 | 2 | 4 | 8

/** An argument of a tracepoint, as the compiler placed it. */
export interface Argument {
  /** As it is spelled in the note, such as `-4@96(%rsp)`. */
  readonly text: string
  readonly size: Size
  readonly signed: boolean
  /** `undefined` if it cannot be read there; `reason` says why. */
  readonly place: Place | undefined
  readonly reason?: string
}

/**
 * Parses the arguments of a SystemTap note: a sign, the size in bytes, and an operand of the machine's assembler, as in `8@%rax -4@$7`.
 * One that cannot be understood or read costs itself alone.
 */
export function parseArguments(text: string, machine: Machine): readonly Argument[] {
  return split(text).map((argument) => parseArgument(argument, machine))
}

/** Splits at blanks, but not at those within parentheses or brackets. */
function split(text: string): readonly string[] {
  return text.match(/(?:[^\s([]+|\([^)]*\)?|\[[^\]]*\]?)+/g) ?? []
}

/** Without a size it is as wide as a register, and unsigned: so SystemTap and GDB have it. */
function parseArgument(text: string, machine: Machine): Argument {
  const [, sign, digits = '8', float, operand = ''] = /^(?:(-?)(\d+)(f?)@)?(.*)$/s.exec(text) ?? []
  const size = sizes[digits]
  const found = float ? 'it is a floating-point number' : size ? parsers[machine](operand) : `it is ${digits} bytes wide`
  return {
    text,
    size: size ?? 8,
    signed: sign === '-',
    ...(typeof found === 'string' ? { place: undefined, reason: found } : { place: found }),
  }
}

const sizes: Readonly<Record<string, Size>> = { 1: 1, 2: 2, 4: 4, 8: 8 }

const parsers: Readonly<Record<Machine, (operand: string) => Place | string>> = { x64: parseX64, arm64: parseArm64 }

const notUnderstood = 'its spelling is not understood'

/** `$7`, `%eax`, `-8(%rbp)` or `8(%rax,%rbx,4)`: the place, or why there is none. */
function parseX64(operand: string): Place | string {
  if (operand.startsWith('$')) return constant(operand.slice(1))
  const register = /^%(\w+)$/.exec(operand)?.[1]
  if (register !== undefined) return inRegister(x64, register)
  const address = /^([^()]*)\(\s*%(\w+)\s*(?:,\s*%(\w+)\s*(?:,\s*([1248])\s*)?)?\)$/.exec(operand)
  if (!address) return notUnderstood
  const [, offset, base = '', index, scale = '1'] = address
  return inMemory(x64, base, offset || '0', index, Number(scale) as Scale)
}

/** `7`, `x0`, `[sp, 16]` or `[x0, x1, lsl 3]`: the place, or why there is none. */
function parseArm64(operand: string): Place | string {
  if (/^#?[-+\d]/.test(operand)) return constant(withoutHash(operand))
  if (operand === 'xzr' || operand === 'wzr') return constant('0')
  const address = /^\[([^[\]]*)\]$/.exec(operand)?.[1]
  if (address === undefined) return /^\w+$/.test(operand) ? inRegister(arm64, operand) : notUnderstood
  const [base = '', second = '0', third = 'lsl 0', ...more] = address.split(',').map((part) => part.trim())
  const shift = /^lsl #?([0-3])$/.exec(third)?.[1]
  if (shift === undefined || more.length > 0) return notUnderstood
  if (arm64.addresses.has(second)) return inMemory(arm64, base, '0', second, (1 << Number(shift)) as Scale)
  return shift === '0' ? inMemory(arm64, base, withoutHash(second)) : notUnderstood
}

function withoutHash(immediate: string): string {
  return immediate.replace(/^#/, '')
}

function constant(text: string): Place | string {
  const value = sum(text)
  return value === undefined ? notANumber(text) : { kind: 'constant', value }
}

function inRegister({ values }: Registers, name: string): Place | string {
  const register = values.get(name)
  return register === undefined ? `register ${name} cannot be read` : { kind: 'register', register }
}

function inMemory({ addresses }: Registers, baseName: string, displacement: string, indexName?: string, scale: Scale = 1): Place | string {
  const offset = sum(displacement)
  if (offset === undefined) return notANumber(displacement)
  const base = addresses.get(baseName)
  if (base === undefined) return `its address depends on ${baseName}`
  if (indexName === undefined) return { kind: 'memory', base, offset }
  const index = addresses.get(indexName)
  return index === undefined ? `its address depends on ${indexName}` : { kind: 'indexed', base, index, scale, offset }
}

function notANumber(text: string): string {
  return `${text} is not a plain number`
}

/** Compilers leave displacements unadded at times, as in `-40+8(%rbp)`. `undefined` where a symbol takes part, or beyond 64 bits. */
function sum(text: string): bigint | undefined {
  if (!/^[-+]?(?:0x[\da-f]{1,16}|\d{1,20})(?:[-+](?:0x[\da-f]{1,16}|\d{1,20}))*$/i.test(text)) return undefined
  let total = 0n
  for (const [, sign, digits = ''] of text.matchAll(/([-+]?)(\w+)/g)) total += sign === '-' ? -BigInt(digits) : BigInt(digits)
  const wrapped = BigInt.asIntN(64, total)
  return wrapped === total || BigInt.asUintN(64, total) === total ? wrapped : undefined
}

/** Byte offsets of a machine's registers. */
interface Registers {
  /** By all names that a value can be in: whole registers and their low parts. */
  readonly values: ReadonlyMap<string, number>
  /** By those that an address can be made of: whole registers. */
  readonly addresses: ReadonlyMap<string, number>
}

/** In the order of struct pt_regs in <asm/ptrace.h>; those between rdi and rsp hold no arguments. */
const x64 = registersOf('r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi - - - - rsp'.split(' '), (name) => {
  if (/\d/.test(name)) return [`${name}d`, `${name}w`, `${name}b`]
  const short = name.slice(1)
  return [`e${short}`, short, `${short.replace('x', '')}l`]
})

/** In the order of struct user_pt_regs. */
const arm64 = registersOf([...Array.from({ length: 31 }, (_, n) => `x${n}`), 'sp'], (name) => [name.replace('x', 'w')])

function registersOf(names: readonly string[], lowParts: (name: string) => readonly string[]): Registers {
  const offsets = names.map((name, i) => [name, 8 * i] as const)
  return {
    addresses: new Map(offsets),
    values: new Map(offsets.flatMap(([name, offset]) => [name, ...lowParts(name)].map((alias) => [alias, offset] as const))),
  }
}
