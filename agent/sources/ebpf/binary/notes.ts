import { type Argument, type Machine, parseArguments } from './arguments.ts'
import { checkHeader, type ElfFile, NotesError, openElf, readSections, readSegments, type Section } from './elf.ts'

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
  /** Address at which the program begins, as the file has it: the kernel tells where that came to lie. */
  readonly entry: bigint
  readonly sites: readonly Site[]
}

export { NotesError }

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
  const entry = header.readBigUInt64LE(24)
  const notes = sections.get('.note.stapsdt')
  if (notes === undefined) return { machine, entry, sites: [] }

  const segments = readSegments(file, header)
  const offsetOf = (address: bigint) => {
    const segment = segments.find(({ start, end }) => address >= start && address < end)
    return segment ? address - segment.start + segment.offset : 0n
  }
  const base = sections.get('.stapsdt.base')?.address
  const sites = readProbes(file, notes).map((probe): Site => {
    // Prelinking moves the program, .stapsdt.base with it, but not what the notes say of them. A note that has no base was never
    // relative to one.
    const moved = base === undefined || probe.base === 0n ? 0n : base - probe.base
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
      isNop: isNop(file.readUpTo(offset, 4), machine),
    }
  })
  return { machine, entry, sites }
}

/** First bytes: on x86-64 nop, or nopl in any length. */
const nops: Readonly<Record<Machine, RegExp>> = { x64: /^(90|0f1f)/, arm64: /^1f2003d5/ }

/** Whether the instruction that begins with these four bytes does nothing. */
export function isNop(bytes: Buffer, machine: Machine): boolean {
  return nops[machine].test(bytes.toString('hex'))
}

/** A note's fields, as they stand there. */
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
