import type { Arrival } from './blocks.ts'
import type { Fleet, Host } from './fleet.ts'
import { SCRAPE_SECONDS } from './fleet.ts'

/** Blocks that the scrapes within a window can tell of: between its first scrape and its last. */
export function blocksIn({ arrivals }: Fleet, { nodes, starts: [start = 0], offset }: Host, from: number, to: number): readonly Arrival[] {
  const first = Math.max(scrapeAfter(from, offset), scrapeAfter(start - 1, offset))
  const last = scrapeAfter(to, offset) - SCRAPE_SECONDS
  return arrivals.filter(({ node, connectedAt }) => node in nodes && connectedAt > first && connectedAt <= last)
}

/** The first scrape after that time. */
const scrapeAfter = (time: number, offset: number) => (Math.floor((time - offset) / SCRAPE_SECONDS) + 1) * SCRAPE_SECONDS + offset

export const wonByFibre = ({ winner }: Arrival) => winner === 'FIBRE/UDP'
export const wonByCompactBlock = ({ winner }: Arrival) => winner === 'BIP152/CMPCTBLOCK'
export const hadRace = ({ winner }: Arrival) => winner !== undefined
export const bothStarted = ({ udpNs, cmpctNs }: Arrival) => udpNs >= 0 && cmpctNs >= 0

export const count = <T>(all: readonly T[], is: (one: T) => boolean): number => all.filter(is).length
export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
/** `undefined` where there is nothing to take a share of. */
export const quotient = (part: number, whole: number): number | undefined => (whole > 0 ? part / whole : undefined)
export const share = <T>(all: readonly T[], is: (one: T) => boolean): number | undefined => quotient(count(all, is), all.length)
export const mean = (values: readonly number[]): number | undefined => quotient(sum(values), values.length)

export const reconstructions = (blocks: readonly Arrival[]) => blocks.flatMap(({ reconstruction }) => reconstruction ?? [])
export const reconstructionSeconds = (blocks: readonly Arrival[]) => reconstructions(blocks).map(({ durationUs }) => durationUs / 1e6)
export const used = (blocks: readonly Arrival[]) => sum(reconstructions(blocks).map(({ chunksUsed }) => chunksUsed))
export const received = (blocks: readonly Arrival[]) => sum(reconstructions(blocks).map(({ chunksReceived }) => chunksReceived))

/** By how many seconds FIBRE, or else the compact block, started first, where it did; lower bounds among them. */
export function headStarts(blocks: readonly Arrival[], ofFibre: boolean): readonly number[] {
  const leads = blocks.filter(hadRace).map(({ udpNs, cmpctNs }) => (Math.max(udpNs, 0) - Math.max(cmpctNs, 0)) / 1e9)
  return leads.filter((lead) => (ofFibre ? lead >= 0 : lead < 0)).map(Math.abs)
}

/** Races since FIBRE won the last one. */
export function sinceFibreWon(blocks: readonly Arrival[]): number | undefined {
  const races = blocks.filter(hadRace)
  return races.length > 0 ? races.length - 1 - races.findLastIndex(wonByFibre) : undefined
}

/** A quantile as exact as buckets allow: values are taken to lie evenly between the bounds of theirs. */
export function bucketQuantile(q: number, values: readonly number[], bounds: readonly number[]): number | undefined {
  if (values.length === 0) return undefined
  const upTo = (bound: number) => count(values, (value) => value <= bound)
  const rank = q * values.length
  const index = bounds.findIndex((bound) => upTo(bound) >= rank)
  if (index === -1) return bounds.at(-1) // beyond the last bound nothing more is known
  const [low, high] = [index === 0 ? 0 : (bounds[index - 1] as number), bounds[index] as number]
  const below = index === 0 ? 0 : upTo(low)
  return low + ((high - low) * (rank - below)) / (upTo(high) - below)
}

/** Durations of each block, by the field of its record; blocks without the field are left out. */
export const stepsOf = (arrivals: readonly Arrival[]) =>
  [
    [
      'reconstruction_ms',
      arrivals.flatMap(({ connectedAt, reconstruction }) => (reconstruction ? { connectedAt, ms: reconstruction.durationUs / 1e3 } : [])),
    ],
    [
      'reconstructed_to_connected_ms',
      arrivals.flatMap(({ connectedAt, connectNs, reconstruction }) => (reconstruction ? { connectedAt, ms: connectNs / 1e6 + 0.5 } : [])),
    ],
    ['connected_to_winner_ms', arrivals.filter(hadRace).map(({ connectedAt }) => ({ connectedAt, ms: 0.6 }))],
  ] as const
