import { completedNs, type Exchange, type Relay } from './relay.ts'

/** The message that a node made a block of. */
export interface Delivery {
  readonly path: 'compact_block' | 'compact_block_round_trip' | 'full_block'
  /** Time of the last message that it took. */
  readonly stampNs: number
  /** The compact block, and what was asked for; absent of a whole block. */
  readonly exchange?: Exchange
}

/**
 * Returns by which message a block came that was connected at that time. One thread takes in all messages and connects what they complete,
 * so it is the last that completed the block before; of compact blocks that needed nothing the first, since the others found it complete.
 */
export function deliveryOf(relay: Relay, connectedNs: number): Delivery | undefined {
  const deliveries: Delivery[] = []
  for (const { stampNs } of relay.whole) if (stampNs <= connectedNs) deliveries.push({ path: 'full_block', stampNs })
  for (const exchange of relay.exchanges) {
    const stampNs = completedNs(exchange, connectedNs)
    if (stampNs === undefined) continue
    const path = stampNs === exchange.transactions?.stampNs ? 'compact_block_round_trip' : 'compact_block'
    deliveries.push({ path, stampNs, exchange })
  }
  const last = deliveries.reduce<Delivery | undefined>((latest, one) => (latest && latest.stampNs >= one.stampNs ? latest : one), undefined)
  if (last?.path !== 'compact_block') return last
  const othersNs = Math.max(...deliveries.map(({ path, stampNs }) => (path === 'compact_block' ? Number.NEGATIVE_INFINITY : stampNs)))
  const direct = deliveries.filter(({ path, stampNs }) => path === 'compact_block' && stampNs > othersNs)
  return direct.reduce((first, one) => (one.stampNs < first.stampNs ? one : first), last)
}
