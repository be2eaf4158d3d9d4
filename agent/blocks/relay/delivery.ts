import type { Exchange, Part, Relay } from './relay.ts'

/** The message that a node made a block of. */
export interface Delivery {
  readonly path: 'compact_block' | 'compact_block_round_trip' | 'full_block'
  /** Time of the last message that it took. */
  readonly stampNs: number
  /** The compact block, and what was asked for; absent of a whole block. */
  readonly exchange?: Exchange
}

/**
 * Returns by which message a block came that was connected at that time. One thread takes in all messages, and connects what they complete
 * before it takes the next one. So a whole block that came before shows that compact blocks had failed, transactions that compact blocks had
 * lacked some, whether these were asked for or, while another peer was asked, not.
 */
export function deliveryOf({ whole, exchanges }: Relay, connectedNs: number): Delivery | undefined {
  const by = (part: Pick<Part, 'stampNs'> | undefined) => part !== undefined && part.stampNs <= connectedNs
  const wholeBlock = whole.findLast(by)
  if (wholeBlock) return { path: 'full_block', stampNs: wholeBlock.stampNs }
  const [answered] = inOrder(exchanges.flatMap((exchange) => (exchange.transactions ? [{ exchange, ...exchange.transactions }] : [])))
  if (answered && by(answered)) return { path: 'compact_block_round_trip', stampNs: answered.stampNs, exchange: answered.exchange }
  const requests = exchanges.flatMap(({ request }) => (request && by(request) ? [request.stampNs] : []))
  const direct = inOrder(
    exchanges.flatMap((exchange) => (exchange.compact && isComplete(exchange, connectedNs) ? [{ exchange, ...exchange.compact }] : [])),
  )
  const delivered = requests.length === 0 ? direct[0] : direct.findLast(({ stampNs }) => stampNs >= Math.min(...requests))
  return delivered && { path: 'compact_block', stampNs: delivered.stampNs, exchange: delivered.exchange }
}

/** Reports whether all of a block may have come, connected or not: whole, or as a compact block with what it lacked. */
export const mayBeComplete = ({ whole, exchanges }: Relay): boolean =>
  whole.length > 0 || exchanges.some((exchange) => exchange.transactions || isComplete(exchange, Number.POSITIVE_INFINITY))

/** Reports whether a compact block came by then of which no transactions were asked for since. */
function isComplete({ compact, request }: Exchange, byNs: number): boolean {
  if (compact === undefined || compact.stampNs > byNs) return false
  return request === undefined || request.stampNs < compact.stampNs || request.stampNs > byNs
}

const inOrder = <T extends { readonly stampNs: number }>(parts: readonly T[]) => parts.toSorted((a, b) => a.stampNs - b.stampNs)
