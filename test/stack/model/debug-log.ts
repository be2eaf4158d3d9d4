import type { Arrival } from './blocks.ts'
import { bothStarted, hadRace } from './truth.ts'

const HOUR = 3600
const DAY = 24 * HOUR

/** An entry of a log, and when it was written (Unix, seconds). */
export interface Entry {
  readonly at: number
  readonly text: string
}

/** Log that a bitcoind with `debug=bench` and `debug=udpnet` writes in the day before `end`, with some trouble in its last hours. */
export function debugLogOf(arrivals: readonly Arrival[], end: number, shift: number): readonly Entry[] {
  const entries = arrivals.filter(({ connectedAt }) => connectedAt + shift > end - DAY).flatMap((arrival) => ofBlock(arrival, shift))
  for (let at = end - DAY + 300; at < end; at += 600) {
    entries.push({ at, text: `UDP: RTT to 192.0.2.11:8433 is ${12 + (at % 3)} ms` })
    entries.push({ at, text: 'UDP: RTT to 198.51.100.23:8433 is 80.5 ms' })
  }
  for (const hours of [0.5, 3, 20]) {
    const at = end - hours * HOUR
    entries.push({ at, text: '[udpnet] UDP: Peer 192.0.2.11:8433 timed out' })
    entries.push({ at: at + 1, text: '[udpnet] UDP: Successfully connected to 192.0.2.11:8433!' })
    entries.push({ at: at + 2, text: 'UDP: Got disconnect message from 198.51.100.23:8433' })
    entries.push({ at: at + 3, text: '[warning] Something was odd' })
    entries.push({ at: at + 4, text: '[error] Something was wrong' })
  }
  return entries.sort((a, b) => a.at - b.at)
}

/** Log of an agent, of which one line is a warning. */
export const agentLogOf = (end: number): readonly Entry[] =>
  (['info', 'warn', 'info'] as const).map((level, i) => {
    const at = end - 1800 + i
    const time = new Date(at * 1000).toISOString()
    return { at, text: JSON.stringify({ level, time, node: 'alpha', msg: level === 'warn' ? 'events were lost' : 'attached to bitcoind' }) }
  })

export const lineOf = ({ at, text }: Entry): string => `${new Date(at * 1000).toISOString().replace('Z', '000Z')} ${text}`

function ofBlock(arrival: Arrival, shift: number): readonly Entry[] {
  const { hash, height, winner, udpNs, cmpctNs, udpPeer, cmpctPeer } = arrival
  const at = arrival.connectedAt + shift
  const tip = { at, text: `UpdateTip: new best=${hash} height=${height} version=0x20000000` }
  if (!hadRace(arrival)) return [tip]
  const started = (ns: number) => (ns < 0 ? 'n/a' : `${(ns / 1e6).toFixed(2)}ms`)
  const winnerPeer = winner === 'FIBRE/UDP' ? udpPeer : cmpctPeer
  const [udp, cmpct] = bothStarted(arrival) || udpNs >= 0 ? [udpPeer, cmpctNs < 0 ? 'n/a' : cmpctPeer] : ['n/a', cmpctPeer]
  const race = `UDP: block=${hash} height=${height} winner=${winner} winner_peer=${winnerPeer} udp=${started(udpNs)} udp_peer=${udp} cmpct=${started(cmpctNs)} cmpct_peer=${cmpct}`
  return [tip, { at: at + 0.001, text: race }]
}
