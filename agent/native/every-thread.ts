import { readdirSync } from 'node:fs'
import { koffi, lazy, type Pointer } from './koffi.ts'
import { check, pageSize, SystemError } from './libc.ts'

const libc = lazy(() => {
  const library = koffi().load(null)
  return {
    mmap: library.func('void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)'),
    mprotect: library.func('int mprotect(void *address, size_t length, int protection)'),
    sigaction: library.func('int sigaction(int signal, uint8_t *action, void *former)'),
    syscall: library.func('syscall', 'int64_t', ['int64_t', 'int64_t', 'int64_t', 'int64_t', 'int64_t', 'int64_t']),
  }
})

/** Nobody else's: Node.js and V8 use none of the real-time signals, glibc and musl those up to 34. */
const SIGNAL = 40
const SYS_TGKILL = process.arch === 'arm64' ? 131 : 234

/** A system call of two arguments; a buffer stands for its address. */
export interface SystemCall {
  readonly name: string
  readonly number: number
  readonly arguments: readonly [number | Buffer, number | Buffer]
}

/** The same with numbers alone, as the kernel gets it. */
type PlainCall = readonly [number: number, first: bigint, second: bigint]

/**
 * Makes every thread of this process do system calls, this one first; throws if one fails here. The others, which are
 * V8's and libuv's and run no JavaScript, get a signal that machine code handles, as libcap's libpsx does it: they do
 * them soon, or when they return from the kernel.
 */
export function callOnEveryThread(calls: readonly SystemCall[]): void {
  const { plain, handler } = placeCode(calls)
  for (const [i, [number, first, second]] of plain.entries())
    check(calls[i]?.name ?? '', Number(libc().syscall(number, first, second, 0, 0, 0)))
  // struct sigaction: handler, a mask of 128 bytes, flags; libc adds the rest.
  const SA_RESTART = 0x1000_0000
  const action = Buffer.alloc(160)
  action.writeBigUInt64LE(handler)
  action.writeUInt32LE(SA_RESTART, 136)
  check('handle a signal', libc().sigaction(SIGNAL, action, null))
  for (const thread of readdirSync('/proc/self/task').map(Number))
    if (thread !== process.pid) libc().syscall(SYS_TGKILL, process.pid, thread, SIGNAL, 0, 0) // one that has ended meanwhile needs none
}

/** Puts the code and what its calls point to into a page of their own, for ever: a signal may still be on its way. */
function placeCode(calls: readonly SystemCall[]): { readonly plain: readonly PlainCall[]; readonly handler: Pointer } {
  const [PROT_READ, PROT_WRITE, PROT_EXEC, MAP_PRIVATE, MAP_ANONYMOUS] = [1, 2, 4, 2, 0x20]
  const length = pageSize()
  const page: Pointer = libc().mmap(null, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  if (BigInt.asIntN(64, page) === -1n) throw new SystemError('mmap', koffi().errno())
  const memory = Buffer.from(koffi().view(page, length))
  let used = length / 2
  const place = (argument: number | Buffer) => {
    if (typeof argument === 'number') return BigInt(argument)
    const at = used
    used += argument.copy(memory, at)
    return page + BigInt(at)
  }
  const plain = calls.map(({ number, arguments: [first, second] }): PlainCall => [number, place(first), place(second)])
  machineCode(plain).copy(memory)
  check('mprotect', libc().mprotect(page, length, PROT_READ | PROT_EXEC)) // arm64's caches are made to agree by it, too
  return { plain, handler: page }
}

/** A function that makes these calls, with 0 for all further arguments. It changes only registers that a function may change. */
export function machineCode(calls: readonly PlainCall[], architecture: string = process.arch): Buffer {
  return architecture === 'arm64'
    ? words([...calls.flatMap(arm64Call), 0xd65f03c0]) // ret
    : Buffer.concat([...calls.map(x64Call), Buffer.of(0xc3)]) // ret
}

function x64Call([number, first, second]: PlainCall): Buffer {
  const code = Buffer.from('48bf000000000000000048be000000000000000031d24531d24531c0b8000000000f05', 'hex')
  code.writeBigUInt64LE(first, 2) // movabs rdi
  code.writeBigUInt64LE(second, 12) // movabs rsi; then xor edx, edx; xor r10d, r10d; xor r8d, r8d
  code.writeUInt32LE(number, 29) // mov eax; then syscall
  return code
}

function arm64Call([number, first, second]: PlainCall): readonly number[] {
  const load = (register: number, value: bigint) =>
    [0, 1, 2, 3].map((part) => {
      const bits = Number((value >> BigInt(16 * part)) & 0xffffn)
      return (part === 0 ? 0xd2800000 : 0xf2800000) + part * 2 ** 21 + bits * 2 ** 5 + register // movz, movk
    })
  const [SECOND, NUMBER, SVC] = [1, 8, 0xd4000001]
  return [
    ...[...load(0, first), ...load(SECOND, second)],
    ...[2, 3, 4].flatMap((register) => load(register, 0n).slice(0, 1)),
    ...[...load(NUMBER, BigInt(number)).slice(0, 1), SVC],
  ]
}

function words(instructions: readonly number[]): Buffer {
  const code = Buffer.alloc(4 * instructions.length)
  for (const [i, instruction] of instructions.entries()) code.writeUInt32LE(instruction, 4 * i)
  return code
}
