import { Blocks } from '../../../agent/blocks/blocks.ts'
import type { MilestoneListener } from '../../../agent/blocks/milestone.ts'
import type { Tracepoint } from '../../../agent/tracepoints/define.ts'
import { type BlockEvent, type TracepointEvent, tracepoints } from '../../../agent/tracepoints/index.ts'

type Probe = TracepointEvent['probe']
type EventOf<P extends Probe> = Extract<TracepointEvent, { readonly probe: P }>

export function tracepointOf(probe: Probe): Tracepoint {
  return tracepoints.find((tracepoint) => tracepoint.probe === probe) as Tracepoint
}

/** A decoded event. Fields that are not given could not be read. */
export function eventOf<P extends Probe>(probe: P, fields: Partial<EventOf<P>>): EventOf<P> {
  const unread = Object.fromEntries(Object.keys(tracepointOf(probe).args).map((name) => [name, undefined]))
  return { ...unread, probe, node: 'n', stampNs: 0, unixSeconds: 0, ...fields } as EventOf<P>
}

/** A block's hash, made from a number. */
export const hashOf = (number: number) => number.toString(16).padStart(64, '0')

export const FIBRE = 'FIBRE/UDP'
export const BIP152 = 'BIP152/CMPCTBLOCK'

// The events of a block, at a time in seconds. A race's times are in ms, −1 for none.
export const connected = (blockHash: string, at = 0) => eventOf('validation:block_connected', { blockHash, stampNs: at * 1e9 })
export const winnerIs = (blockHash: string, winner: string, at = 0) =>
  eventOf('udp:block_race_winner', { blockHash, winner, stampNs: at * 1e9 })
export const timesAre = (blockHash: string, udpMs: number, cmpctMs: number, at = 0) =>
  eventOf('udp:block_race_time', { blockHash, udpNs: nsOf(udpMs), cmpctNs: nsOf(cmpctMs), stampNs: at * 1e9 })
export const reconstructed = (blockHash: string, at = 0) =>
  eventOf('udp:block_reconstructed', { blockHash, chunksUsed: 10, chunksReceived: 12, durationUs: 2000, stampNs: at * 1e9 })

const nsOf = (ms: number) => (ms < 0 ? -1 : Math.round(ms * 1e6))

/** Blocks of one node, and all that they told: `connected a`, `won a`, `closed a`. */
export function startBlocks(listener?: MilestoneListener) {
  const told: string[] = []
  const blocks = new Blocks('n', (outcome, block) => {
    told.push(`${outcome} ${block.hash}`)
    listener?.(outcome, block)
  })
  const observe = (...events: readonly BlockEvent[]) => {
    for (const event of events) blocks.observe(event)
  }
  const advance = (seconds: number) => blocks.advance(seconds * 1e9)
  return { blocks, told, observe, advance }
}
