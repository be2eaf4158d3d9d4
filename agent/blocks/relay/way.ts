import type { DeliveredExchange, Delivery } from './delivery.ts'
import type { Exchange, Relay } from './relay.ts'

/** The way of a block by messages, for its record. */
export function wayOf(relay: Relay, delivery: Delivery | undefined) {
  const exchange: DeliveredExchange | undefined = delivery?.exchange ?? firstExchange(relay)
  const [first, ...later] = relay.announcements
  return {
    first,
    later,
    /** Peers that announced it, where each is told of. */
    announcers: first && !relay.isLogged ? later.length + 1 : undefined,
    exchange,
    whole: relay.whole[0],
    told: relay.told,
  }
}

function firstExchange({ exchanges }: Relay): Exchange | undefined {
  const started = exchanges.filter(({ compact }) => compact)
  return started.reduce<Exchange | undefined>((first, one) => (first && startOf(first) <= startOf(one) ? first : one), undefined)
}

const startOf = ({ compact }: Exchange) => compact?.stampNs ?? Number.POSITIVE_INFINITY
