import type { Site } from '../binary/notes.ts'
import { openProcessMemory, type ProcessMemory } from './process-memory.ts'

/**
 * Probes whose semaphore in a running process is 0, so that they do not fire; `entry` is where its executable says that it
 * begins. Empty where the process' memory cannot be read (it takes the same user, or CAP_SYS_PTRACE).
 */
export function silentProbes(pid: number, entry: bigint, sites: readonly Site[]): readonly string[] {
  try {
    const memory = openProcessMemory(pid, entry)
    try {
      const silent = sites.filter((site) => readSemaphore(memory, site) === 0)
      return [...new Set(silent.map(({ provider, name }) => `${provider}:${name}`))]
    } finally {
      memory.close()
    }
  } catch {
    return []
  }
}

/** The count of a place's listeners, which is 16 bits wide. `undefined` if it has none, or if nothing is mapped there. */
export function readSemaphore(memory: ProcessMemory, { semaphoreAddress }: Site): number | undefined {
  return semaphoreAddress > 0n ? memory.read(semaphoreAddress, 2)?.readUInt16LE() : undefined
}
