import type { DeliveredExchange, Delivery } from './delivery.ts'
import type { Exchange, Relay } from './relay.ts'
import { type Stage, type Stages, stagesOf } from './stages.ts'

/** What a block's way is told from. */
interface Sources {
  readonly relay: Relay
  readonly delivery: Delivery | undefined
  /** When it was connected, and how long that took, if it was: CLOCK_MONOTONIC, ns. */
  readonly connectedNs: number | undefined
  readonly durationNs: number | undefined
  /** The time of day at a stamp, in whole µs. */
  readonly timeAt: (stampNs: number) => number
}

/** The way of a block by messages, for its record. */
export function wayOf(sources: Sources) {
  const { relay, delivery, connectedNs } = sources
  const exchange: DeliveredExchange | undefined = delivery?.exchange ?? firstExchange(relay)
  const [first, ...later] = relay.announcements
  const whole = relay.whole[0]
  const { told } = relay
  return {
    first,
    later,
    /** Peers that announced it, where each is told of. */
    announcers: first && !relay.isLogged ? later.length + 1 : undefined,
    exchange,
    whole,
    told,
    stages: delivery && connectedNs !== undefined ? stagesUntil(sources, delivery, connectedNs) : undefined,
  }
}

function firstExchange({ exchanges }: Relay): Exchange | undefined {
  const started = exchanges.filter(({ compact }) => compact)
  return started.reduce<Exchange | undefined>((first, one) => (first && startOf(first) <= startOf(one) ? first : one), undefined)
}

const startOf = ({ compact }: Exchange) => compact?.stampNs ?? Number.POSITIVE_INFINITY

function stagesUntil({ relay, durationNs, timeAt }: Sources, { path, exchange, stampNs }: Delivery, connectedNs: number) {
  const us = (ns: number | undefined) => (ns === undefined ? undefined : timeAt(ns))
  const firstNs = Math.min(stampNs, relay.announcements[0]?.stampNs ?? stampNs, exchange?.compact?.stampNs ?? stampNs)
  const moments: [Stage, number | undefined][] = [['announced_to_received', us(exchange ? exchange.compact?.stampNs : stampNs)]]
  if (path === 'compact_block_round_trip')
    moments.push(['received_to_requested', us(exchange?.request?.stampNs)], ['round_trip', us(stampNs)])
  moments.push(['received_to_validation', us(durationNs === undefined ? undefined : connectedNs - durationNs)])
  moments.push(['validation', us(connectedNs)])
  const toldNs = relay.told?.stampNs
  // High-bandwidth peers are told before the block is validated: then that is no stage.
  if (toldNs !== undefined && toldNs > connectedNs) moments.push(['connected_to_told', us(toldNs)])
  const firstUs = timeAt(firstNs)
  const stages: Stages = stagesOf(
    firstUs,
    moments.map(([stage, momentUs]) => ({ stage, us: momentUs })),
  )
  return {
    ...stages,
    untilConnectedUs: timeAt(connectedNs) - firstUs,
    untilToldUs: toldNs === undefined ? undefined : timeAt(toldNs) - firstUs,
  }
}
