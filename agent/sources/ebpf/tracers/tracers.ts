import type { RunningProcess } from '../../../bitcoind/proc/proc.ts'
import { ifReadable } from '../../../bitcoind/proc/read.ts'
import { openProcessMemory } from '../attach/process-memory.ts'
import { readSemaphore } from '../attach/semaphores.ts'
import { isNop, type Notes, readNotes, type Site } from '../binary/notes.ts'
import type { Uprobe } from './uprobes.ts'

/** Who listens to tracepoints of a process besides this agent. */
export interface Tracers {
  /** Probes by their listener, in words. */
  readonly known: ReadonlyMap<string, readonly string[]>
  /** Probes that somebody else listens to: the process' own memory shows it. */
  readonly unknown: readonly string[]
}

/** Finds who listens to a process. To be called while this agent does not; `uprobes` are all of the machine that can be seen. */
export function findTracers(process: Pick<RunningProcess, 'pid' | 'identity' | 'executable'>, uprobes: readonly Uprobe[]): Tracers {
  const notes = readNotes(`/proc/${process.pid}/exe`)
  const known = new Map<string, Set<string>>()
  for (const uprobe of uprobes.filter((uprobe) => isOn(uprobe, process)))
    for (const site of notes.sites)
      if (site.offset === uprobe.offset && site.offset > 0n)
        known.set(uprobe.listener, (known.get(uprobe.listener) ?? new Set()).add(probeOf(site)))
  const explained = new Set([...known.values()].flatMap((probes) => [...probes]))
  const watched = ifReadable(() => watchedProbes(process.pid, notes)) ?? []
  return {
    known: new Map([...known].map(([listener, probes]) => [listener, [...probes]])),
    unknown: watched.filter((probe) => !explained.has(probe)),
  }
}

const probeOf = ({ provider, name }: Site) => `${provider}:${name}`

/** A file that was replaced since has the path still, with ` (deleted)` behind it. */
function isOn({ path, identity, target }: Uprobe, process: Pick<RunningProcess, 'pid' | 'identity' | 'executable'>): boolean {
  if (target !== undefined && target !== process.pid) return false
  return identity === undefined ? path.replace(/ \(deleted\)$/, '') === process.executable : identity === process.identity
}

/** Probes at which the running program has another instruction than its file, a breakpoint, or a semaphore that somebody has raised. */
function watchedProbes(pid: number, { entry, machine, sites }: Notes): readonly string[] {
  const memory = openProcessMemory(pid, entry)
  try {
    const watched = sites.filter((site) => {
      const instruction = site.isNop ? memory.read(site.address, 4) : undefined
      return (instruction !== undefined && !isNop(instruction, machine)) || (readSemaphore(memory, site) ?? 0) > 0
    })
    return [...new Set(watched.map(probeOf))]
  } finally {
    memory.close()
  }
}
