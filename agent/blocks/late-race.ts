import { type Block, connectedNsOf } from './block.ts'

/** Later than that after the connection no compact block completes a race. */
export const RELAY_WAIT_NS = 60e9

/** Reports whether a compact block that comes late would complete the race: none came until the block was connected, and no message was missed since. */
export function isCompletable({ race, messagesSinceNs, relay, events }: Block): boolean {
  const connectedNs = events['validation:block_connected']?.stampNs
  if (race?.coverage !== 'udp_only' || connectedNs === undefined) return false
  return messagesSinceNs !== undefined && messagesSinceNs <= connectedNs && (relay?.firstCompactNs ?? connectedNs) >= connectedNs
}

/** Head start of FIBRE in a race that a late compact block completed: the times of a race run back from the connection, this one runs on from it. */
export function measuredHeadStart(block: Block): number | undefined {
  const [lateNs, connectedNs] = [block.relay?.firstCompactNs, connectedNsOf(block)]
  if (!isCompletable(block) || lateNs === undefined || connectedNs === undefined || lateNs - connectedNs > RELAY_WAIT_NS) return undefined
  return (Number(block.race?.udpSeconds) * 1e9 + lateNs - connectedNs) / 1e9
}
