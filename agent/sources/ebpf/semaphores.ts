import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import type { Site } from './notes.ts'

/**
 * Probes whose semaphore in a running process is 0, so that they do not fire. Empty where the process' memory cannot be
 * read (it takes the same user, or CAP_SYS_PTRACE).
 */
export function silentProbes(pid: number, sites: readonly Site[]): readonly string[] {
  try {
    const areas = fileAreas(readFileSync(`/proc/${pid}/maps`, 'latin1'))
    const memory = openSync(`/proc/${pid}/mem`, 'r')
    try {
      const silent = sites.filter((site) => site.semaphoreOffset > 0n && readSemaphore(memory, areas, site.semaphoreOffset) === 0)
      return [...new Set(silent.map(({ provider, name }) => `${provider}:${name}`))]
    } finally {
      closeSync(memory)
    }
  } catch {
    return []
  }
}

/** A part of a file and where it is mapped. */
interface Area {
  readonly address: bigint
  readonly fileOffset: bigint
  readonly length: bigint
}

/** The writable mappings of the executable: the file that is mapped first, and the pages that hold its semaphores. */
function fileAreas(maps: string): readonly Area[] {
  const areas: Area[] = []
  let executable: string | undefined
  for (const line of maps.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (.{4}) ([0-9a-f]+) (\S+ \d+)/.exec(line)
    if (!match) continue
    const [, start = '', end = '', permissions = '', offset = '', inode = ''] = match
    executable ??= inode
    if (inode !== executable || permissions[1] !== 'w') continue
    const address = BigInt(`0x${start}`)
    areas.push({ address, fileOffset: BigInt(`0x${offset}`), length: BigInt(`0x${end}`) - address })
  }
  return areas
}

/** Semaphores are 16 bits wide. */
function readSemaphore(memory: number, areas: readonly Area[], fileOffset: bigint): number | undefined {
  const area = areas.find((candidate) => fileOffset >= candidate.fileOffset && fileOffset < candidate.fileOffset + candidate.length)
  if (area === undefined) return undefined
  const value = Buffer.alloc(2)
  readSync(memory, value, 0, 2, area.address + fileOffset - area.fileOffset)
  return value.readUInt16LE()
}
