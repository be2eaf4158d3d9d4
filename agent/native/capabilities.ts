import { readdirSync, readFileSync } from 'node:fs'
import { callOnEveryThread } from './every-thread.ts'

const [SYS_PRCTL, SYS_CAPSET] = process.arch === 'arm64' ? [167, 91] : [157, 126]
const PR_SET_NO_NEW_PRIVS = 38
const CAPABILITY_VERSION_3 = 0x20080522

/**
 * Leaves every thread of this process those capabilities, as far as it has them, and no way to get others. Throws if
 * this thread may not do that; for the others, ask `permittedCapabilities` some time later.
 */
export function keepCapabilities(kept: bigint): void {
  const header = Buffer.alloc(8) // version, thread: 0 is the one that calls
  header.writeUInt32LE(CAPABILITY_VERSION_3)
  const sets = Buffer.alloc(24) // effective, permitted, inheritable: the lower 32 of each, then the upper ones
  const mask = kept & permittedCapabilities()
  for (const [half, bits] of [Number(mask & 0xffff_ffffn), Number(mask >> 32n)].entries()) {
    sets.writeUInt32LE(bits, 12 * half)
    sets.writeUInt32LE(bits, 12 * half + 4)
  }
  callOnEveryThread([
    { name: 'prctl', number: SYS_PRCTL, arguments: [PR_SET_NO_NEW_PRIVS, 1] }, // or root would have all again by executing a program
    { name: 'capset', number: SYS_CAPSET, arguments: [header, sets] },
  ])
}

/** The capabilities that any thread of this process may use, as a bit mask. */
export function permittedCapabilities(): bigint {
  const threads = readdirSync('/proc/self/task').map((thread) => `/proc/self/task/${thread}/status`)
  return threads.map(permittedIn).reduce((all, some) => all | some, 0n)
}

function permittedIn(status: string): bigint {
  try {
    return BigInt(`0x${/^CapPrm:\s+(\w+)$/m.exec(readFileSync(status, 'utf8'))?.[1]}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH') return 0n // it has ended
    throw error
  }
}
