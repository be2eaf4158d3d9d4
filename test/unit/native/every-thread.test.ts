import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { machineCode } from '../../../agent/native/every-thread.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'

const calls = [
  [157, 38n, 1n],
  [126, 0x7fff_1234_5678n, 0xffff_0000_9abc_def0n],
] as const

const assembly = {
  x64: [
    ...calls.flatMap(([number, first, second]) => [
      `movabsq $${first}, %rdi`,
      `movabsq $${second}, %rsi`,
      'xorl %edx, %edx',
      'xorl %r10d, %r10d',
      'xorl %r8d, %r8d',
      `movl $${number}, %eax`,
      'syscall',
    ]),
    'ret',
  ],
  arm64: [
    ...calls.flatMap(([number, first, second]) => [
      ...load('x0', first),
      ...load('x1', second),
      ...['movz x2, #0', 'movz x3, #0', 'movz x4, #0'],
      `movz x8, #${number}`,
      'svc #0',
    ]),
    'ret',
  ],
}

function load(register: string, value: bigint): readonly string[] {
  const parts = [0n, 16n, 32n, 48n].map((shift) => `#${(value >> shift) & 0xffffn}, lsl #${shift}`)
  return parts.map((part, i) => `${i === 0 ? 'movz' : 'movk'} ${register}, ${part}`)
}

it.for([
  ['x64', 'x86_64-linux-gnu'],
  ['arm64', 'aarch64-linux-gnu'],
] as const)('is the machine code of those system calls, as clang assembles them: %s', ([architecture, target]) => {
  const [object, text] = ['code.o', 'code.bin'].map((name) => join(temporaryDirectory(), name)) as [string, string]
  execFileSync('clang', [`--target=${target}`, '-c', '-x', 'assembler', '-', '-o', object], {
    input: `${assembly[architecture].join('\n')}\n`,
  })
  execFileSync('llvm-objcopy', ['-O', 'binary', '--only-section=.text', object, text])
  expect(machineCode(calls, architecture).toString('hex')).toBe(readFileSync(text).toString('hex'))
})
