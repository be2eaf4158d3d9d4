import { opendirSync, readdirSync, readlinkSync } from 'node:fs'
import { ifReadable, readStart } from '../../../bitcoind/proc/read.ts'

/** A BPF link or perf event that a process holds. */
export interface Descriptor {
  readonly kind: 'link' | 'perf'
  readonly pid: number
  readonly fd: number
}

/** A look at one takes some µs. */
const MOST = 100_000
const MOST_OF_PROCESS = 20_000
const MOST_INFORMATION = 4096

/** Lists the BPF links and perf events of other processes. Those of other users take CAP_SYS_PTRACE, and are left out without it. */
export function bpfDescriptors(): readonly Descriptor[] {
  const found: Descriptor[] = []
  let left = MOST
  for (const pid of readdirSync('/proc').map(Number)) {
    if (!Number.isInteger(pid) || pid === process.pid) continue
    left -= ifReadable(() => look(pid, Math.min(left, MOST_OF_PROCESS), found)) ?? 0
  }
  return found
}

/** Returns how many it looked at. */
function look(pid: number, most: number, found: Descriptor[]): number {
  const listing = opendirSync(`/proc/${pid}/fd`)
  try {
    for (let count = 0; ; count++) {
      const entry = count < most ? listing.readSync() : null
      if (entry === null) return count
      const kind = kindOf(ifReadable(() => readlinkSync(`/proc/${pid}/fd/${entry.name}`)))
      if (kind) found.push({ kind, pid, fd: Number(entry.name) })
    }
  } finally {
    listing.closeSync()
  }
}

function kindOf(target: string | undefined): Descriptor['kind'] | undefined {
  if (target === 'anon_inode:bpf_link') return 'link'
  return target === 'anon_inode:[perf_event]' ? 'perf' : undefined
}

/** The number of a BPF link. */
export function linkIdOf(pid: number, fd: number): number | undefined {
  const text = ifReadable(() => readStart(`/proc/${pid}/fdinfo/${fd}`, MOST_INFORMATION))
  const id = /^link_id:\s*(\d+)$/m.exec(text ?? '')?.[1]
  return id === undefined ? undefined : Number(id)
}
