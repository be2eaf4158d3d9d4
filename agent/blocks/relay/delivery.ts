import type { Exchange, Part, Reconstruction, Relay } from './relay.ts'

/** The message that a node made a block of. */
export interface Delivery {
  readonly path: 'compact_block' | 'compact_block_round_trip' | 'full_block'
  /** Time of the last message that it took. */
  readonly stampNs: number
  /** The compact block, and what was asked for; absent of a whole block. */
  readonly exchange?: DeliveredExchange
}

/** An exchange as far as it is known: a node that says how it made the block need not say who sent what, and when. */
export interface DeliveredExchange {
  readonly peer: number | undefined
  readonly compact?: Part | undefined
  readonly request?: { readonly stampNs: number | undefined; readonly transactions: number | undefined } | undefined
  readonly transactions?: { readonly stampNs: number | undefined; readonly size: number | undefined } | undefined
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

/** Returns by which message the node itself says that a block came that was connected at that time, whichever others were seen. */
export function toldDelivery({ isLogged, whole, exchanges, reconstruction }: Relay, connectedNs: number): Delivery | undefined {
  const wholeBlock = isLogged ? whole.findLast(({ stampNs }) => stampNs <= connectedNs) : undefined
  if (wholeBlock) return { path: 'full_block', stampNs: wholeBlock.stampNs }
  if (reconstruction?.requested === undefined || reconstruction.stampNs > connectedNs) return undefined
  const { peer, requested, stampNs } = reconstruction
  const seen = exchanges.find((exchange) => exchange.peer === peer)
  const exchange = { peer, compact: seen?.compact }
  if (requested === 0) return { path: 'compact_block', stampNs: seen?.compact?.stampNs ?? stampNs, exchange }
  const request = { stampNs: seen?.request?.stampNs, transactions: requested }
  const transactions = { stampNs: seen?.transactions?.stampNs, size: seen?.transactions?.size ?? answerBytes(reconstruction) }
  return { path: 'compact_block_round_trip', stampNs: transactions.stampNs ?? stampNs, exchange: { ...exchange, request, transactions } }
}

/** Size of the message that brings transactions: the block's hash, their number, and they themselves. */
function answerBytes({ requested = 0, requestedBytes }: Reconstruction): number | undefined {
  return requestedBytes === undefined ? undefined : 32 + (requested < 0xfd ? 1 : 3) + requestedBytes
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
