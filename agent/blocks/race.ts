/** The mechanisms that can deliver a block, as values of a label. */
export const mechanisms = ['fibre_udp', 'bip152_cmpct', 'other'] as const
export type Mechanism = (typeof mechanisms)[number]

/** The two mechanisms that race each other. */
export const racers = ['fibre_udp', 'bip152_cmpct'] as const
export type Racer = (typeof racers)[number]

/** The mechanisms of which a packet had arrived when the block was connected. */
export const coverages = ['both', 'udp_only', 'cmpct_only'] as const
export type Coverage = (typeof coverages)[number]

/** The times of `block_race_time` for one block, in seconds before it was connected. */
export interface Race {
  readonly coverage: Coverage
  /** The mechanism that started first, as far as is known. */
  readonly first: Racer
  readonly udpSeconds: number | undefined
  readonly cmpctSeconds: number | undefined
  /**
   * Head start of `first`. In a one-sided race it is a lower bound: the other mechanism started after the block was connected,
   * and its start was never recorded.
   */
  readonly headStartSeconds: number
}

/** The mechanism that bitcoind's winner string names. */
export function mechanismOf(winner: string): Mechanism {
  if (winner.startsWith('F')) return 'fibre_udp'
  if (winner.startsWith('B')) return 'bip152_cmpct'
  return 'other'
}

/** Reads a race from its two times in ns, −1 for none; `undefined` if neither mechanism had started. */
export function raceOf(udpNs: number, cmpctNs: number): Race | undefined {
  const udpSeconds = udpNs < 0 ? undefined : udpNs / 1e9
  const cmpctSeconds = cmpctNs < 0 ? undefined : cmpctNs / 1e9
  const times = { udpSeconds, cmpctSeconds }
  if (udpSeconds !== undefined && cmpctSeconds !== undefined)
    return {
      coverage: 'both',
      // Times run back from the connection, so the larger one started earlier.
      first: udpNs >= cmpctNs ? 'fibre_udp' : 'bip152_cmpct',
      headStartSeconds: Math.abs(udpNs - cmpctNs) / 1e9,
      ...times,
    }
  if (udpSeconds !== undefined) return { coverage: 'udp_only', first: 'fibre_udp', headStartSeconds: udpSeconds, ...times }
  if (cmpctSeconds !== undefined) return { coverage: 'cmpct_only', first: 'bip152_cmpct', headStartSeconds: cmpctSeconds, ...times }
  return undefined
}
