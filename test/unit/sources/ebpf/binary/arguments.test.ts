import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Argument, parseArguments } from '../../../../../agent/sources/ebpf/binary/arguments.ts'
import { need } from '../../../../harness/needs.ts'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'arguments-'))
})

afterAll(() => rmSync(directory, { recursive: true }))

/** As one line: sign and size, then the place, with registers by their offset. */
function brief({ size, signed, place, reason }: Argument): string {
  const type = `${signed ? 'i' : 'u'}${8 * size}`
  switch (place?.kind) {
    case undefined:
      return `${type} unreadable: ${reason}`
    case 'constant':
      return `${type} constant ${place.value}`
    case 'register':
      return `${type} register ${place.register}`
    case 'memory':
      return `${type} memory at ${place.base} + ${place.offset}`
    case 'indexed':
      return `${type} memory at ${place.base} + ${place.index} * ${place.scale} + ${place.offset}`
  }
}

describe('x86-64', () => {
  it.each([
    ['8@%rax', 'u64 register 80'],
    ['-8@%rdx', 'i64 register 96'],
    ['4@%r14d', 'u32 register 8'],
    ['-2@%cx', 'i16 register 88'],
    ['1@%sil', 'u8 register 104'],
    ['%eax', 'u64 register 80'],
    ['4@$2001', 'u32 constant 2001'],
    ['-4@$-1', 'i32 constant -1'],
    ['8@$0x10', 'u64 constant 16'],
    ['8@$-0x10', 'u64 constant -16'],
    ['8@$18446744073709551615', 'u64 constant -1'],
    ['8@-1784(%rbp)', 'u64 memory at 32 + -1784'],
    ['8@96(%rsp)', 'u64 memory at 152 + 96'],
    ['8@(%rsp)', 'u64 memory at 152 + 0'],
    ['8@0x10(%rax)', 'u64 memory at 80 + 16'],
    ['8@-0x10(%rax)', 'u64 memory at 80 + -16'],
    ['8@-40+8(%rbp)', 'u64 memory at 32 + -32'],
    ['8@8(%rax,%rbx,4)', 'u64 memory at 80 + 40 * 4 + 8'],
    ['-8@(%r8, %rdx, 8)', 'i64 memory at 72 + 96 * 8 + 0'],
    ['8@(%rax,%rbx)', 'u64 memory at 80 + 40 * 1 + 0'],

    ['1@%ah', 'u8 unreadable: register ah cannot be read'],
    ['8@%xmm0', 'u64 unreadable: register xmm0 cannot be read'],
    ['8f@%xmm0', 'u64 unreadable: it is a floating-point number'],
    ['8f@64(%rdi)', 'u64 unreadable: it is a floating-point number'],
    ['16@(%rdi)', 'u64 unreadable: it is 16 bytes wide'],
    ['-3@%rdi', 'i64 unreadable: it is 3 bytes wide'],
    ['8@symbol+8(%rip)', 'u64 unreadable: symbol+8 is not a plain number'],
    ['8@0x1234(%rip)', 'u64 unreadable: its address depends on rip'],
    ['8@(%eax)', 'u64 unreadable: its address depends on eax'],
    ['8@(%rax,%ebx,2)', 'u64 unreadable: its address depends on ebx'],
    ['8@%fs:8(%rax)', 'u64 unreadable: %fs:8 is not a plain number'],
    ['8@$.LC0', 'u64 unreadable: .LC0 is not a plain number'],
    ['8@$18446744073709551616', 'u64 unreadable: 18446744073709551616 is not a plain number'],
    ['8@(%rax,%rbx,3)', 'u64 unreadable: its spelling is not understood'],
    ['8@(,%rbx,8)', 'u64 unreadable: its spelling is not understood'],
    ['8@(%rax', 'u64 unreadable: its spelling is not understood'],
    ['8@1234', 'u64 unreadable: its spelling is not understood'],
    ['8@', 'u64 unreadable: its spelling is not understood'],
  ])('reads %s as %s', (text, expected) => {
    const parsed = parseArguments(text, 'x64')
    expect(parsed.map(brief)).toEqual([expected])
    expect(parsed[0]?.text).toBe(text)
  })

  it('knows each name of each register by its place in pt_regs', (context) => {
    need(context, process.arch === 'x64', '<asm/ptrace.h> of x86-64 is only on such machines')
    const lowParts = {
      ...{ rax: 'eax ax al', rbx: 'ebx bx bl', rcx: 'ecx cx cl', rdx: 'edx dx dl' },
      ...{ rsi: 'esi si sil', rdi: 'edi di dil', rbp: 'ebp bp bpl', rsp: 'esp sp spl' },
      ...{ r8: 'r8d r8w r8b', r9: 'r9d r9w r9b', r10: 'r10d r10w r10b', r11: 'r11d r11w r11b' },
      ...{ r12: 'r12d r12w r12b', r13: 'r13d r13w r13b', r14: 'r14d r14w r14b', r15: 'r15d r15w r15b' },
    }
    const offsets = ptRegsOffsets(Object.keys(lowParts))
    for (const [name, parts] of Object.entries(lowParts)) {
      for (const alias of [name, ...parts.split(' ')]) {
        expect(parseArguments(`8@%${alias}`, 'x64').map(brief), alias).toEqual([`u64 register ${offsets.get(name)}`])
      }
      expect(parseArguments(`8@(%${name})`, 'x64').map(brief)).toEqual([`u64 memory at ${offsets.get(name)} + 0`])
    }
  })

  /** As the C compiler has it. */
  function ptRegsOffsets(names: readonly string[]): ReadonlyMap<string, number> {
    const prints = names.map((name) => `printf("${name} %zu\\n", offsetof(struct pt_regs, ${name}));`)
    const program = join(directory, 'offsets')
    const source = `#include <asm/ptrace.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void) { ${prints.join('\n')} }`
    execFileSync('clang', ['-x', 'c', '-', '-o', program], { input: source })
    const lines = execFileSync(program, { encoding: 'utf8' }).trim().split('\n')
    return new Map(lines.map((line) => line.split(' ') as [string, string]).map(([name, offset]) => [name, Number(offset)]))
  }

  it('reads every argument of a real bitcoind', () => {
    const notes = readFileSync(new URL('../../../../fixtures/usdt-notes.txt', import.meta.url), 'utf8')
    const lines = [...notes.matchAll(/^ *Arguments: (.+)$/gm)].map(([, line = '']) => line)
    expect(lines).toHaveLength(22)
    for (const line of lines) {
      const parsed = parseArguments(line, 'x64')
      expect(parsed.map(({ text }) => text)).toEqual(line.split(' '))
      expect(parsed.filter(({ place }) => place === undefined)).toEqual([])
    }
  })
})

describe('arm64', () => {
  it.each([
    ['8@x0', 'u64 register 0'],
    ['4@w3', 'u32 register 24'],
    ['-4@w3', 'i32 register 24'],
    ['x30', 'u64 register 240'],
    ['8@sp', 'u64 register 248'],
    ['8@xzr', 'u64 constant 0'],
    ['4@wzr', 'u32 constant 0'],
    ['4@1', 'u32 constant 1'],
    ['-4@-1', 'i32 constant -1'],
    ['4@#7', 'u32 constant 7'],
    ['8@[x19]', 'u64 memory at 152 + 0'],
    ['8@[sp, 16]', 'u64 memory at 248 + 16'],
    ['8@[sp,#16]', 'u64 memory at 248 + 16'],
    ['-4@[x29, -20]', 'i32 memory at 232 + -20'],
    ['8@[x0, x1]', 'u64 memory at 0 + 8 * 1 + 0'],
    ['8@[x0, x1, lsl 3]', 'u64 memory at 0 + 8 * 8 + 0'],
    ['8@[x0, x1, lsl #2]', 'u64 memory at 0 + 8 * 4 + 0'],

    ['-8@v0', 'i64 unreadable: register v0 cannot be read'],
    ['8f@d0', 'u64 unreadable: it is a floating-point number'],
    ['8@x31', 'u64 unreadable: register x31 cannot be read'],
    ['8@[x0, #:lo12:.LANCHOR0]', 'u64 unreadable: :lo12:.LANCHOR0 is not a plain number'],
    ['8@[x0, w1, sxtw 2]', 'u64 unreadable: its spelling is not understood'],
    ['8@[x0, x1, lsl 4]', 'u64 unreadable: its spelling is not understood'],
    ['8@[x0, 8, lsl 2]', 'u64 unreadable: its spelling is not understood'],
    ['8@[x0, x1, lsl 3, 4]', 'u64 unreadable: its spelling is not understood'],
    ['8@[x0, 16]!', 'u64 unreadable: its spelling is not understood'],
    ['8@[w0]', 'u64 unreadable: its address depends on w0'],
    ['8@[x0', 'u64 unreadable: its spelling is not understood'],
  ])('reads %s as %s', (text, expected) => {
    const parsed = parseArguments(text, 'arm64')
    expect(parsed.map(brief)).toEqual([expected])
    expect(parsed[0]?.text).toBe(text)
  })

  it('knows each register by its place in user_pt_regs', () => {
    for (let n = 0; n <= 30; n++) {
      expect(parseArguments(`8@x${n} 4@w${n} 8@[x${n}]`, 'arm64').map(brief)).toEqual([
        `u64 register ${8 * n}`,
        `u32 register ${8 * n}`,
        `u64 memory at ${8 * n} + 0`,
      ])
    }
  })
})

it('splits at the blanks between arguments and not at those within', () => {
  const texts = (text: string, machine: 'x64' | 'arm64') => parseArguments(text, machine).map((argument) => argument.text)
  expect(texts('8@(%rax, %rbx, 4)  -4@%eax\t%r8', 'x64')).toEqual(['8@(%rax, %rbx, 4)', '-4@%eax', '%r8'])
  expect(texts('8@[x0, x1, lsl 3] 4@w3', 'arm64')).toEqual(['8@[x0, x1, lsl 3]', '4@w3'])
  expect(texts('', 'x64')).toEqual([])
})

it('reads the arguments beside one that it does not understand', () => {
  expect(parseArguments('8@%rax 8@symbol(%rip) ??? -4@$7', 'x64').map(({ place }) => place?.kind)).toEqual([
    'register',
    undefined,
    undefined,
    'constant',
  ])
})

it('takes no longer for endless nonsense', () => {
  const length = 100_000
  const started = performance.now()
  for (const text of ['(', '()', '[', '8@(%rax ', '8@[x0, ', '8@$1', '8@$1+', '%', '-']) {
    parseArguments(text.repeat(length / text.length), 'x64')
    parseArguments(text.repeat(length / text.length), 'arm64')
    parseArguments(`${text}${' '.repeat(length)}!`, 'x64')
    parseArguments(`${text}${' '.repeat(length)}!`, 'arm64')
  }
  expect(performance.now() - started).toBeLessThan(2_000)
})
