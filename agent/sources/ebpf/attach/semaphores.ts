import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import type { Site } from '../binary/notes.ts'

/**
 * Probes whose semaphore in a running process is 0, so that they do not fire; `entry` is where its executable says that it
 * begins. Empty where the process' memory cannot be read (it takes the same user, or CAP_SYS_PTRACE).
 */
export function silentProbes(pid: number, entry: bigint, sites: readonly Site[]): readonly string[] {
  try {
    const bias = readEntry(pid) - entry
    const memory = openSync(`/proc/${pid}/mem`, 'r')
    try {
      const silent = sites.filter(({ semaphoreAddress }) => semaphoreAddress > 0n && readSemaphore(memory, bias + semaphoreAddress) === 0)
      return [...new Set(silent.map(({ provider, name }) => `${provider}:${name}`))]
    } finally {
      closeSync(memory)
    }
  } catch {
    return []
  }
}

const AT_ENTRY = 9n

/**
 * The address at which the program began, from what the kernel told it when it started (getauxval(3)). How far that is from
 * what the file says, all of the program was moved. Its mappings would not tell: others lie below it and between them, and
 * their names and inodes depend on namespaces and file systems.
 */
function readEntry(pid: number): bigint {
  const pairs = new BigUint64Array(new Uint8Array(readFileSync(`/proc/${pid}/auxv`)).buffer)
  for (let i = 0; i + 1 < pairs.length; i += 2) if (pairs[i] === AT_ENTRY) return pairs[i + 1] as bigint
  throw new Error(`process ${pid} has no AT_ENTRY`)
}

/** Semaphores are 16 bits wide. `undefined` if nothing is mapped there. */
function readSemaphore(memory: number, address: bigint): number | undefined {
  const value = Buffer.alloc(2)
  try {
    return readSync(memory, value, 0, 2, address) === 2 ? value.readUInt16LE() : undefined
  } catch {
    return undefined
  }
}
