import { closeSync, openSync, readFileSync, readSync } from 'node:fs'

/** The memory of a running process, by the addresses that its executable has. */
export interface ProcessMemory {
  /** `undefined` if nothing is mapped there. */
  read(address: bigint, length: number): Buffer | undefined
  close(): void
}

/**
 * Opens the memory of a process; `entry` is where its executable says that it begins. Throws where it cannot be read: it takes
 * the same user, or CAP_SYS_PTRACE.
 */
export function openProcessMemory(pid: number, entry: bigint): ProcessMemory {
  const bias = readEntry(pid) - entry
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  return {
    read(address, length) {
      const bytes = Buffer.alloc(length)
      try {
        return readSync(memory, bytes, 0, length, bias + address) === length ? bytes : undefined
      } catch {
        return undefined
      }
    },
    close: () => closeSync(memory),
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
