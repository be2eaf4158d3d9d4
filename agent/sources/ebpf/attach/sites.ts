import type { Tracepoint } from '../../../tracepoints/define.ts'
import type { Notes, Site } from '../binary/notes.ts'

/** A tracepoint, and where in one binary it is listened to. */
export interface TracepointSites {
  readonly tracepoint: Tracepoint
  /** Of the tracepoint among all. Those that are recorded come behind these once more, as Bitcoin Core 23 and 24 have them. */
  readonly number: number
  /** Whether the binary has it. */
  readonly isOffered: boolean
  readonly sites: readonly Site[]
  /** Why other places in the binary cannot be listened to. */
  readonly faults: readonly string[]
}

/**
 * Places that one process may have listened to: its share of what the kernel program has room for. A FIBRE node has one place
 * for each tracepoint, and a few more where the compiler inlined one.
 */
export const MAX_SITES = 64
/** A binary can have thousands of faults; so many are told of each tracepoint. */
const MAX_FAULTS = 3

/** Chooses the places to listen to. Where there are more than a process may have, each tracepoint gets as many as the others. */
export function chooseSites(tracepoints: readonly Tracepoint[], notes: Notes): readonly TracepointSites[] {
  const places = tracepoints.map(({ probe }) => notes.sites.filter(({ provider, name }) => `${provider}:${name}` === probe))
  const shares = shareOut(places.map((sites) => sites.filter((site) => faultOf(site) === undefined).length))
  const before25 = isBefore25(notes) ? tracepoints.length : 0
  return tracepoints.map((tracepoint, i) => {
    const all = places[i] as readonly Site[]
    const usable = all.filter((site) => faultOf(site) === undefined)
    const sites = usable.slice(0, shares[i])
    const faults = all.flatMap((site) => faultOf(site) ?? [])
    if (sites.length < usable.length)
      faults.push(`a process may have ${MAX_SITES} places: ${usable.length - sites.length} of this tracepoint are left out`)
    const number = tracepoint.counted ? i : i + before25
    return { tracepoint, number, isOffered: all.length > 0, sites, faults: shorten(faults) }
  })
}

/** Whether a binary is of Bitcoin Core 23 or 24, which have some tracepoints in other units: the mempool's came with 25. */
function isBefore25({ sites }: Notes): boolean {
  const has = (provider: string, name?: string) => sites.some((site) => site.provider === provider && (name ?? site.name) === site.name)
  return has('net', 'inbound_message') && !has('mempool') && !has('udp')
}

/** Deals out what there is, one to each in turn. */
function shareOut(wanted: readonly number[]): readonly number[] {
  const shares = wanted.map(() => 0)
  let left = MAX_SITES
  for (let round = 0; left > 0 && wanted.some((count) => count > round); round++)
    for (const [i, count] of wanted.entries())
      if (count > round && left > 0) {
        shares[i] = round + 1
        left--
      }
  return shares
}

function faultOf({ isNop, offset, semaphoreOffset }: Site): string | undefined {
  const place = `offset 0x${offset.toString(16)} of the binary`
  // A breakpoint in mid-instruction would crash bitcoind.
  if (!isNop) return `no nop instruction at ${place}`
  // The kernel's own rule.
  if (semaphoreOffset % 2n === 1n) return `the semaphore of ${place} is at an odd address`
  return undefined
}

function shorten(faults: readonly string[]): readonly string[] {
  if (faults.length <= MAX_FAULTS) return faults
  return [...faults.slice(0, MAX_FAULTS - 1), `${faults.length - MAX_FAULTS + 1} other places likewise`]
}
