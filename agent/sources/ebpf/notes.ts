import { closeSync, constants, fstatSync, openSync, readSync, type Stats } from 'node:fs'
import { type Argument, type Machine, parseArguments } from './arguments.ts'

/** A place in an executable where a tracepoint fires. One that the compiler inlined has several. */
export interface Site {
  readonly provider: string
  readonly name: string
  readonly address: bigint
  /** Of the nop in the file; 0 if the note names an address that the file does not hold. */
  readonly offset: bigint
  /** In the file; 0 if it has none. */
  readonly semaphoreOffset: bigint
  /** 0 if it has none. */
  readonly semaphoreAddress: bigint
  readonly arguments: readonly Argument[]
  /** A breakpoint on anything but a nop could crash the program. */
  readonly isNop: boolean
}

export interface Notes {
  readonly machine: Machine
  readonly sites: readonly Site[]
}

/** An executable whose notes cannot be read; says why and what to do. */
export class NotesError extends Error {
  override readonly name = 'NotesError'

  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`${path} ${problem}`, options)
  }
}

/**
 * Reads where the tracepoints of an executable (or /proc/PID/exe) are: the SystemTap notes that <sys/sdt.h> leaves in the
 * section .note.stapsdt. Only headers, that section and a few bytes at each site are read.
 * https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
 */
export function readNotes(path: string): Notes {
  try {
    const file = openElf(path)
    try {
      return readSites(file)
    } finally {
      file.close()
    }
  } catch (error) {
    if (error instanceof NotesError) throw error
    throw new NotesError(path, problemOf(error), { cause: error })
  }
}

function problemOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'does not exist'
  if (code === 'EACCES') return 'cannot be read: permission denied; run as its user or as root'
  return `cannot be read: ${message}`
}

function readSites(file: ElfFile): Notes {
  const header = file.readUpTo(0n, 64)
  const machine = checkHeader(file, header)
  const sections = readSections(file, header)
  const notes = sections.get('.note.stapsdt')
  if (notes === undefined) return { machine, sites: [] }

  const segments = readSegments(file, header)
  const offsetOf = (address: bigint) => {
    const segment = segments.find(({ start, end }) => address >= start && address < end)
    return segment ? address - segment.start + segment.offset : 0n
  }
  const base = sections.get('.stapsdt.base')?.address
  const sites = readProbes(file, notes).map((probe): Site => {
    // Prelinking moves the program, .stapsdt.base with it, but not what the notes say of them.
    const moved = base === undefined ? 0n : base - probe.base
    const address = BigInt.asUintN(64, probe.location + moved)
    const semaphoreAddress = probe.semaphore && BigInt.asUintN(64, probe.semaphore + moved)
    const offset = offsetOf(address)
    return {
      provider: probe.provider,
      name: probe.name,
      address,
      offset,
      semaphoreOffset: semaphoreAddress && offsetOf(semaphoreAddress),
      semaphoreAddress,
      arguments: parseArguments(probe.arguments, machine),
      isNop: nops[machine].test(file.readUpTo(offset, 4).toString('hex')),
    }
  })
  return { machine, sites }
}

/** First bytes: on x86-64 nop, or nopl in any length. */
const nops: Readonly<Record<Machine, RegExp>> = { x64: /^(90|0f1f)/, arm64: /^1f2003d5/ }

/** What a note says, as it stands there. */
interface Probe {
  readonly location: bigint
  readonly base: bigint
  readonly semaphore: bigint
  readonly provider: string
  readonly name: string
  readonly arguments: string
}

function readProbes(file: ElfFile, section: Section): readonly Probe[] {
  const notes = file.read(section.offset, section.size, '.note.stapsdt')
  const probes: Probe[] = []
  for (let at = 0; at + 12 <= notes.length; ) {
    const owner = at + 12
    const start = aligned(owner + notes.readUInt32LE(at))
    const end = start + notes.readUInt32LE(at + 4)
    if (end > notes.length) throw file.damaged('a note in .note.stapsdt')
    const isProbe = notes.readUInt32LE(at + 8) === 3 && notes.toString('latin1', owner, owner + 8) === 'stapsdt\0'
    if (isProbe) probes.push(parseProbe(file, notes.subarray(start, end)))
    at = aligned(end)
  }
  return probes
}

/** Three addresses, then three texts that end with NUL. */
function parseProbe(file: ElfFile, note: Buffer): Probe {
  const [provider, name, text] = note.toString('latin1', 24).split('\0', 3)
  if (provider === undefined || name === undefined || text === undefined) throw file.damaged('a note in .note.stapsdt')
  const [location, base, semaphore] = [note.readBigUInt64LE(0), note.readBigUInt64LE(8), note.readBigUInt64LE(16)]
  return { location, base, semaphore, provider, name, arguments: text }
}

function aligned(offset: number): number {
  return Math.ceil(offset / 4) * 4
}

const machines: ReadonlyMap<number, Machine> = new Map([
  [62, 'x64'],
  [183, 'arm64'],
])
const otherMachines: Readonly<Record<number, string>> = { 8: 'MIPS', 21: 'PowerPC', 22: 's390x', 243: 'RISC-V', 258: 'LoongArch' }

/** Tells a program that can be traced from everything else. Offsets here and below are those of elf(5). */
function checkHeader(file: ElfFile, header: Buffer): Machine {
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
interface Segment {
  readonly start: bigint
  readonly end: bigint
  readonly offset: bigint
}

function readSegments(file: ElfFile, header: Buffer): readonly Segment[] {
  const entries = readTable(file, header.readBigUInt64LE(32), header.readUInt16LE(56), 56, 'its program header table')
  return entries.flatMap((entry) => {
    const isLoaded = entry.readUInt32LE(0) === 1
    const [offset, start, size] = [entry.readBigUInt64LE(8), entry.readBigUInt64LE(16), entry.readBigUInt64LE(32)]
    return isLoaded && offset + size <= file.size ? [{ start, end: start + size, offset }] : []
  })
}

interface Section {
  readonly address: bigint
  readonly offset: bigint
  readonly size: number
}

/** Sections by name; none where the table of them was stripped. */
function readSections(file: ElfFile, header: Buffer): ReadonlyMap<string, Section> {
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

function openElf(path: string): ElfFile {
  // Without O_NONBLOCK a FIFO would keep us waiting for its writer.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return new ElfFile(path, fd, fstatSync(fd))
}

class ElfFile {
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
