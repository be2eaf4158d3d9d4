import type { Argument } from '../../sources/ebpf/binary/arguments.ts'
import { readNotes, type Site } from '../../sources/ebpf/binary/notes.ts'
import type { Field, Tracepoint } from '../../tracepoints/define.ts'
import { tracepoints as known, requiredOf } from '../../tracepoints/index.ts'

/** The tracepoints of an executable. Its fields are those of `--json`. */
export interface BinaryTracepoints {
  readonly executable: string
  readonly pid?: number
  readonly user?: string
  readonly machine: string
  readonly tracepoints: readonly OfferedTracepoint[]
  /** Tracepoints that every node has, with FIBRE if this is one with it, and that this one lacks. */
  readonly missing: readonly string[]
}

/** A tracepoint that an executable has. */
interface OfferedTracepoint {
  readonly probe: string
  /** Whether the agent uses it; `description` says what for. */
  readonly used: boolean
  readonly description?: string
  /** Places in the program: one that the compiler inlined has several. */
  readonly places: number
  /** Of the first place. */
  readonly arguments: readonly OfferedArgument[]
}

export interface OfferedArgument {
  /** As the agent names it; missing for one that it does not use. */
  readonly name?: string
  readonly kind?: string
  readonly meaning?: string
  readonly bytes: number
  readonly signed: boolean
  /** In the assembler's words, such as `%rdi` or `-40(%rbp)`. */
  readonly where: string
  /** Why it cannot be read there. */
  readonly unreadable?: string
}

const byProbe: ReadonlyMap<string, Tracepoint> = new Map(known.map((tracepoint) => [tracepoint.probe, tracepoint]))

/** Reads the tracepoints of a file, which may be a process' executable. Throws where that cannot be read. */
export function readBinary(path: string, about: Pick<BinaryTracepoints, 'executable' | 'pid' | 'user'>): BinaryTracepoints {
  const { sites, machine } = readNotes(path)
  const places = [...Map.groupBy(sites, ({ provider, name }) => `${provider}:${name}`)].sort(([a], [b]) => (a < b ? -1 : 1))
  const offered = new Set(places.map(([probe]) => probe))
  const used = new Set([...offered].filter((probe) => byProbe.has(probe)))
  return {
    ...about,
    machine: { x64: 'x86-64', arm64: 'arm64' }[machine],
    tracepoints: places.map(([probe, sites]) => describe(probe, sites)),
    missing: [...requiredOf(used)].filter((probe) => !offered.has(probe)),
  }
}

function describe(probe: string, sites: readonly Site[]): OfferedTracepoint {
  const tracepoint = byProbe.get(probe)
  const fields = Object.entries(tracepoint?.args ?? {})
  return {
    probe,
    used: tracepoint !== undefined,
    ...(tracepoint && { description: tracepoint.description }),
    places: sites.length,
    arguments: sites[0]?.arguments.map((argument, i) => describeArgument(argument, fields[i])) ?? [],
  }
}

function describeArgument({ text, size, signed, reason }: Argument, field: readonly [string, Field] | undefined): OfferedArgument {
  return {
    ...(field && { name: field[0], kind: field[1].kind, meaning: field[1].meaning }),
    bytes: size,
    signed,
    where: text.replace(/^-?\d+f?@/, ''),
    ...(reason !== undefined && { unreadable: reason }),
  }
}
