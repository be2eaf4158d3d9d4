import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import type { Machine } from './arguments.ts'

/** An executable whose notes cannot be read; says why and what to do. */
export class NotesError extends Error {
  override readonly name = 'NotesError'

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path} ${problem}`, options)
  }
}

const machines: ReadonlyMap<number, Machine> = new Map([
  [62, 'x64'],
  [183, 'arm64'],
])
const otherMachines: Readonly<Record<number, string>> = { 8: 'MIPS', 21: 'PowerPC', 22: 's390x', 243: 'RISC-V', 258: 'LoongArch' }

/** Tells a program that can be traced from everything else. Offsets here and below are those of elf(5). */
export function checkHeader(file: ElfFile, header: Buffer): Machine {
  const refusal = (problem: string) => new NotesError(file.path, problem)
  const supported = 'only 64-bit programs for x86-64 and arm64 can be traced'
  if (!file.isRegular) throw refusal('is not a regular file; name the executable itself')
  if (header.toString('latin1', 0, 4) !== '\x7fELF')
    throw refusal('is not an ELF executable; name the program, not a script that starts it')
  if (header.length < 64) throw file.damaged('its header')
  if (header[4] !== 2) throw refusal(`is not a 64-bit program; ${supported}`)
  if (header[5] !== 1) throw refusal(`is a big-endian program; ${supported}`)
  const number = header.readUInt16LE(18)
  const machine = machines.get(number)
  if (machine === undefined) throw refusal(`is built for ${otherMachines[number] ?? `machine ${number}`}; ${supported}`)
  const type = header.readUInt16LE(16)
  if (type !== 2 && type !== 3) throw refusal('is an object file or a core dump; name the executable itself')
  return machine
}

/** A part of the file and the addresses it is mapped to. */
export interface Segment {
  readonly start: bigint
  readonly end: bigint
  readonly offset: bigint
}

export function readSegments(file: ElfFile, header: Buffer): readonly Segment[] {
  const entries = readTable(file, header.readBigUInt64LE(32), header.readUInt16LE(56), 56, 'its program header table')
  return entries.flatMap((entry) => {
    const isLoaded = entry.readUInt32LE(0) === 1
    const [offset, start, size] = [entry.readBigUInt64LE(8), entry.readBigUInt64LE(16), entry.readBigUInt64LE(32)]
    return isLoaded && offset + size <= file.size ? [{ start, end: start + size, offset }] : []
  })
}

export interface Section {
  readonly address: bigint
  readonly offset: bigint
  readonly size: number
}

/** Sections by name; none where the table of them was stripped. */
export function readSections(file: ElfFile, header: Buffer): ReadonlyMap<string, Section> {
  const start = header.readBigUInt64LE(40)
  if (start === 0n) return new Map()
  // What is too much for 16 bits in the header is in the first entry: the count as its size, the index as its link.
  const first = file.read(start, 64, 'its section table')
  const count = header.readUInt16LE(60) || Number(first.readBigUInt64LE(32))
  const entries = readTable(file, start, count, 64, 'its section table')
  if (entries.length === 0) return new Map()
  const index = header.readUInt16LE(62)
  const namesEntry = entries[index === 0xffff ? first.readUInt32LE(40) : index]
  if (namesEntry === undefined) throw file.damaged('its section table')
  const namesSection = toSection(namesEntry)
  const names = file.read(namesSection.offset, namesSection.size, 'the names of its sections')
  return new Map(entries.map((entry) => [nameAt(names, entry.readUInt32LE(0)), toSection(entry)]))
}

function toSection(entry: Buffer): Section {
  return { address: entry.readBigUInt64LE(16), offset: entry.readBigUInt64LE(24), size: Number(entry.readBigUInt64LE(32)) }
}

/** Names that we look for have less than 32 characters. */
function nameAt(names: Buffer, start: number): string {
  return names.toString('latin1', start, start + 32).split('\0', 1)[0] as string
}

function readTable(file: ElfFile, start: bigint, count: number, entrySize: number, what: string): readonly Buffer[] {
  const bytes = file.read(start, count * entrySize, what)
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * entrySize, (i + 1) * entrySize))
}

/** Bounds what a damaged size can cost; bitcoind's largest such part is a few KiB. */
const MAX_READ = 256 << 10

export function openElf(path: string): ElfFile {
  // Without O_NONBLOCK a FIFO would keep us waiting for its writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return new ElfFile(path, fd, fstatSync(fd))
}

export class ElfFile {
  readonly path: string
  readonly isRegular: boolean
  readonly size: number
  readonly #fd: number

  constructor(path: string, fd: number, status: Stats) {
    this.path = path
    this.isRegular = status.isFile()
    this.size = this.isRegular ? status.size : 0
    this.#fd = fd
  }

  /** Fewer bytes where the file ends before. */
  readUpTo(offset: bigint, length: number): Buffer {
    if (offset >= this.size) return Buffer.alloc(0)
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readSync(this.#fd, bytes, 0, length, offset))
  }

  read(offset: bigint, length: number, what: string): Buffer {
    const bytes = length <= MAX_READ ? this.readUpTo(offset, length) : undefined
    if (bytes?.length !== length) throw this.damaged(what)
    return bytes
  }

  damaged(what: string): NotesError {
    return new NotesError(this.path, `is cut off or damaged at ${what}; install it again`)
  }

  close(): void {
    closeSync(this.#fd)
  }
}
