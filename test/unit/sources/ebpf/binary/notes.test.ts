import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, ftruncateSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NotesError, readNotes, type Site } from '../../../../../agent/sources/ebpf/binary/notes.ts'
import fc, { propertyOptions } from '../../../../harness/fast-check.ts'

/** Three tracepoints in four places; one of them is inlined twice. */
const source = `
#ifdef SEMAPHORES
#define _SDT_HAS_SEMAPHORES 1
#endif
#include <sys/sdt.h>
#ifdef SEMAPHORES
unsigned short demo_block_semaphore __attribute__((section(".probes")));
unsigned short demo_quiet_semaphore __attribute__((section(".probes")));
unsigned short other_message_semaphore __attribute__((section(".probes")));
#endif
static volatile long table[64];
static inline __attribute__((always_inline)) void block(const char *hash, long height)
{
	DTRACE_PROBE4(demo, block, hash, height, (unsigned char)height, -7);
}
int main(int argc, char **argv)
{
	block(argv[0], argc);
	DTRACE_PROBE(demo, quiet);
	block(argv[argc - 1], table[argc]);
	DTRACE_PROBE3(other, message, table[argc + 1], 2001, 0.5 * argc);
	return 0;
}`

const compilers = ['clang', 'gcc'].filter((name) => spawnSync(name, ['--version']).status === 0)
const builds = [
  ['-O2'],
  ['-O0', '-DSEMAPHORES'],
  ['-O2', '-DSEMAPHORES', '-s'],
  ['-O2', '-no-pie', '-DSEMAPHORES'],
  ['-O2', '-static', '-DSEMAPHORES'],
]

let directory: string
/** A good executable, with semaphores. */
let program: string
let bytes: Buffer

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'notes-'))
  program = compile('clang', ['-O2', '-DSEMAPHORES'])
  bytes = readFileSync(program)
})

afterAll(() => rmSync(directory, { recursive: true }))

function compile(compiler: string, flags: readonly string[]): string {
  const path = join(directory, `${compiler}${flags.join('')}`)
  execFileSync(compiler, ['-x', 'c', '-', '-o', path, ...flags], { input: source })
  return path
}

/** A changed copy of the good executable. */
function changed(change: (copy: Buffer) => void): string {
  const copy = Buffer.from(bytes)
  change(copy)
  return written(copy)
}

function written(content: string | Buffer): string {
  const path = join(directory, 'written')
  writeFileSync(path, content)
  return path
}

function readelf(...args: readonly string[]): string {
  return execFileSync('readelf', args, { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } })
}

interface Section {
  readonly index: number
  readonly name: string
  readonly address: bigint
  readonly offset: bigint
  readonly size: number
}

function sectionsOf(path: string): readonly Section[] {
  const lines = readelf('-SW', path).matchAll(/^ +\[ *(\d+)\] (\S+) +\S+ +(\w{16}) (\w+) (\w+)/gm)
  return [...lines].map(([, index = '', name = '', address, offset, size]) => ({
    index: Number(index),
    name,
    address: BigInt(`0x${address}`),
    offset: BigInt(`0x${offset}`),
    size: Number(`0x${size}`),
  }))
}

function section(name: string): Section {
  const found = sectionsOf(program).find((candidate) => candidate.name === name)
  if (found === undefined) throw new Error(`no section ${name}`)
  return found
}

/** Offsets of the good executable's first notes, and of the descriptor in it. */
function firstNote() {
  const note = Number(section('.note.stapsdt').offset)
  return { note, descriptor: note + 20 }
}

/** Sites as `readelf -n` prints them, with file offsets by section (we find them by segment). */
function sitesByReadelf(path: string) {
  const sections = sectionsOf(path)
  const offsetOf = (address: bigint) => {
    const holder = sections.find((s) => s.address > 0n && address >= s.address && address < s.address + BigInt(s.size))
    return holder ? address - holder.address + holder.offset : 0n
  }
  const notes = readelf('-n', path).matchAll(
    /Provider: (\S+)\s+Name: (\S+)\s+Location: (\w+), Base: \w+, Semaphore: (\w+)\n +Arguments: ?(.*)\n/g,
  )
  return [...notes].map(([, provider, name, location = '', semaphore = '', text]) => ({
    provider,
    name,
    address: BigInt(location),
    offset: offsetOf(BigInt(location)),
    semaphoreAddress: BigInt(semaphore),
    semaphoreOffset: offsetOf(BigInt(semaphore)),
    arguments: text,
    isNop: true,
  }))
}

function withTexts(site: Site) {
  return { ...site, arguments: site.arguments.map(({ text }) => text).join(' ') }
}

describe.each(compilers)('an executable of %s', (compiler) => {
  it.each(builds.map((flags) => [flags.join(' '), flags] as const))('with %s reads as readelf reads it', (_, flags) => {
    const path = compile(compiler, flags)
    const expected = sitesByReadelf(path)
    const { sites, machine } = readNotes(path)
    expect(machine).toBe(process.arch)
    expect(sites.map(withTexts)).toEqual(expected)
    expect(sites.map(({ name }) => name)).toEqual(['block', 'quiet', 'block', 'message'])
    expect(sites.every(({ semaphoreOffset }) => semaphoreOffset > 0n)).toBe(flags.includes('-DSEMAPHORES'))
  })
})

it('reads the executable of a running process', () => {
  expect(readNotes('/proc/self/exe')).toEqual(readNotes(process.execPath))
})

it('finds no sites in an executable without notes', () => {
  expect(readNotes('/bin/true').sites).toEqual([])
})

it('undoes prelinking', () => {
  const before = readNotes(program)
  const path = changed((copy) => {
    const { note } = firstNote()
    const end = note + section('.note.stapsdt').size
    for (let at = copy.indexOf('stapsdt\0', note); at >= 0 && at < end; at = copy.indexOf('stapsdt\0', at + 1)) {
      for (const field of [at + 8, at + 16, at + 24]) copy.writeBigUInt64LE(copy.readBigUInt64LE(field) + 0x7000_0000_0000n, field)
    }
  })
  expect(readNotes(path)).toEqual(before)
})

it('reads a section table that is too large for the header', () => {
  const path = changed((copy) => {
    const first = Number(copy.readBigUInt64LE(40))
    copy.writeBigUInt64LE(BigInt(copy.readUInt16LE(60)), first + 32)
    copy.writeUInt16LE(0, 60)
    copy.writeUInt32LE(copy.readUInt16LE(62), first + 40)
    copy.writeUInt16LE(0xffff, 62)
  })
  expect(readNotes(path)).toEqual(readNotes(program))
})

it('finds no sites where the section table was stripped', () => {
  const stripped = Buffer.from(bytes).fill(0, 40, 48).fill(0, 60, 64)
  expect(readNotes(written(stripped)).sites).toEqual([])
  expect(readNotes(written(stripped.subarray(0, 64))).sites).toEqual([])
})

it('finds no sites where the section table is empty', () => {
  expect(readNotes(changed((copy) => copy.fill(0, 60, 64))).sites).toEqual([])
})

it('passes over notes of another type or owner', () => {
  const { note } = firstNote()
  const others = readNotes(program).sites.slice(1)
  expect(readNotes(changed((copy) => copy.writeUInt32LE(4, note + 8))).sites).toEqual(others)
  expect(readNotes(changed((copy) => copy.write('another', note + 12))).sites).toEqual(others)
})

it('tells a nop from other instructions', () => {
  const { sites } = readNotes(program)
  const isNop = (machine: number, instruction: string) => {
    const path = changed((copy) => {
      copy.writeUInt16LE(machine, 18)
      copy.write(instruction, Number(sites[0]?.offset), 'hex')
    })
    return readNotes(path).sites.map((site) => site.isNop)[0]
  }
  expect(isNop(62, '90')).toBe(true)
  expect(isNop(62, '0f1f440000')).toBe(true)
  expect(isNop(62, 'cc')).toBe(false)
  expect(isNop(62, '0f0b')).toBe(false)
  expect(isNop(183, '1f2003d5')).toBe(true)
  expect(isNop(183, '90909090')).toBe(false)
})

it('keeps the other sites when one is at an address that the file does not hold', () => {
  const [first, ...others] = readNotes(program).sites
  const path = changed((copy) => copy.writeBigUInt64LE(0xdead_0000_0000n, firstNote().descriptor))
  expect(readNotes(path).sites).toEqual([{ ...first, address: 0xdead_0000_0000n, offset: 0n, isNop: false }, ...others])
})

it('names no offsets beyond the end of the file', () => {
  const path = changed((copy) => {
    for (let i = 0; i < copy.readUInt16LE(56); i++) copy.writeBigUInt64LE(1n << 62n, 64 + 56 * i + 8)
  })
  const { sites } = readNotes(path)
  expect(sites.map(({ offset, semaphoreOffset, isNop }) => ({ offset, semaphoreOffset, isNop }))).toEqual(
    Array(4).fill({ offset: 0n, semaphoreOffset: 0n, isNop: false }),
  )
})

it('reads a note that has no base as it stands', () => {
  const path = changed((copy) => copy.writeBigUInt64LE(0n, firstNote().descriptor + 8))
  expect(readNotes(path)).toEqual(readNotes(program))
})

describe('refuses, and says why,', () => {
  const patched = (change: (copy: Buffer) => void) => () => changed(change)
  it.each<[what: string, path: () => string, message: RegExp]>([
    ['a script', () => written('#!/bin/sh\n'), /written is not an ELF executable; name the program, not a script that starts it$/],
    ['an empty file', () => written(''), /is not an ELF executable/],
    ['a 32-bit program', patched((copy) => copy.writeUInt8(1, 4)), /is not a 64-bit program; only 64-bit programs for x86-64 and arm64/],
    ['a big-endian program', patched((copy) => copy.writeUInt8(2, 5)), /is a big-endian program/],
    ['a program for RISC-V', patched((copy) => copy.writeUInt16LE(243, 18)), /is built for RISC-V/],
    ['a program for a machine nobody knows', patched((copy) => copy.writeUInt16LE(9999, 18)), /is built for machine 9999/],
    ['an object file', () => compile('clang', ['-c']), /is an object file or a core dump/],
    ['a directory', () => directory, /is not a regular file/],
    ['a device', () => '/dev/zero', /\/dev\/zero is not a regular file/],
    ['a FIFO that nobody writes to', fifo, /is not a regular file/],
    ['a path that is not there', () => join(directory, 'missing'), /missing does not exist$/],
    ['a symbolic link to itself', loop, /cannot be read: ELOOP/],
    ['a note whose name goes past the end', patched((copy) => copy.writeUInt32LE(0xffff_fff0, firstNote().note)), /at a note in/],
    ['a note that goes past the end', patched((copy) => copy.writeUInt32LE(0xffff_ffff, firstNote().note + 4)), /at a note in/],
    ['a note that is too short', patched((copy) => copy.writeUInt32LE(23, firstNote().note + 4)), /at a note in/],
    ['a note whose texts do not end', patched((copy) => unterminated(copy)), /at a note in/],
    ['a section table beyond the end', patched((copy) => copy.writeBigUInt64LE(1n << 63n, 40)), /cut off or damaged at its section table/],
    ['65,535 program headers', patched((copy) => copy.writeUInt16LE(0xffff, 56)), /damaged at its program header table; install it again$/],
    ['section names that are not there', patched((copy) => copy.writeUInt16LE(0xff00, 62)), /damaged at its section table/],
    ['notes of 4 GiB', fourGigabytes, /damaged at \.note\.stapsdt/],
  ])('%s', (_, path, message) => {
    const read = () => readNotes(path())
    expect(read).toThrow(NotesError)
    expect(read).toThrow(message)
  })

  function fifo(): string {
    const path = join(directory, 'fifo')
    spawnSync('mkfifo', [path])
    return path
  }

  function loop(): string {
    const path = join(directory, 'loop')
    rmSync(path, { force: true })
    symlinkSync('loop', path)
    return path
  }

  function unterminated(copy: Buffer): void {
    const { note, descriptor } = firstNote()
    copy.fill('a', descriptor + 24, descriptor + copy.readUInt32LE(note + 4))
  }

  /** They really are in the file, which has holes. */
  function fourGigabytes(): string {
    const path = changed((copy) => {
      const entry = Number(copy.readBigUInt64LE(40)) + section('.note.stapsdt').index * 64
      copy.writeBigUInt64LE(4n << 30n, entry + 32)
    })
    const fd = openSync(path, 'r+')
    ftruncateSync(fd, 8 * 2 ** 30)
    closeSync(fd)
    return path
  }

  it('a file that it may not read', () => {
    const path = join(directory, 'closed')
    writeFileSync(path, bytes, { mode: 0 })
    const read = () => asNobody(() => readNotes(path))
    expect(read).toThrow(/closed cannot be read: permission denied; run as its user or as root$/)
  })

  function asNobody<T>(action: () => T): T {
    if (process.getuid?.() !== 0) return action()
    process.seteuid?.(65534)
    try {
      return action()
    } finally {
      process.seteuid?.(0)
    }
  }
})

describe('a damaged executable', () => {
  it('is refused wherever it is cut off', () => {
    const lengths = Array.from({ length: 200 }, (_, i) => (i < 100 ? i : Math.floor((i * bytes.length) / 200)))
    for (const length of lengths) {
      const path = written(bytes.subarray(0, length))
      expect(() => readNotes(path), `after ${length} bytes`).toThrow(/is (not an ELF executable|cut off or damaged)/)
    }
  })

  it('gives notes or a refusal, soon, whichever of its bytes are wrong', propertyOptions, () => {
    const table = Number(bytes.readBigUInt64LE(40))
    const areas = [
      { offset: 0, size: 64 },
      { offset: 64, size: 56 * bytes.readUInt16LE(56) },
      { offset: table, size: 64 * bytes.readUInt16LE(60) },
      section('.shstrtab'),
      section('.note.stapsdt'),
    ]
    const wrongBytes = areas.map(({ offset, size }) => {
      const at = fc.nat(Number(size) - 1).map((position) => Number(offset) + position)
      return fc.array(fc.record({ at, byte: fc.nat(255) }), { minLength: 1, maxLength: 4 })
    })
    const outcomes = { read: 0, refused: 0 }
    const property = fc.property(fc.oneof(...wrongBytes), (wrong) => {
      const path = changed((copy) => {
        for (const { at, byte } of wrong) copy[at] = byte
      })
      const started = performance.now()
      try {
        readNotes(path)
        outcomes.read++
      } catch (error) {
        expect(error).toBeInstanceOf(NotesError)
        expect((error as NotesError).cause).toBeUndefined()
        outcomes.refused++
      }
      expect(performance.now() - started).toBeLessThan(5000)
    })
    fc.assert(property, { numRuns: 500 })
    expect(outcomes.read).toBeGreaterThan(50)
    expect(outcomes.refused).toBeGreaterThan(50)
  })
})
