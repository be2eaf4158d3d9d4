import type { Delivery } from './relay/delivery.ts'
import type { Announcement } from './relay/relay.ts'
import { type Stage, stagesOf } from './stages.ts'

/** What brought a connected block, and when it was sent on. Stamps are CLOCK_MONOTONIC, ns. */
interface Sources {
  readonly connectedNs: number
  /** How long connecting took. */
  readonly durationNs: number | undefined
  /** The message that brought it. */
  readonly delivery: Delivery | undefined
  /** Where FIBRE brought it: when it started, with its first packet, and when the block was complete. */
  readonly fibre: { readonly firstNs: number | undefined; readonly reconstructedNs: number | undefined } | undefined
  /** The first announcement by a peer. */
  readonly announced: Announcement | undefined
  /** When it was sent on to UDP peers, and when the first peer was told by a message. */
  readonly sentNs: number | undefined
  readonly toldNs: number | undefined
  /** The time of day at a stamp, in whole µs. */
  readonly timeAt: (stampNs: number) => number
}

/** A stage, and the stamp of its end. */
interface Step {
  readonly stage: Stage
  readonly endNs: number | undefined
}

/** A block's way. */
interface Way {
  readonly firstNs: number
  /** Until all of it was there. */
  readonly received: readonly Step[]
  /** The stage that ends as validation begins. */
  readonly waiting: Stage
  /** How it was first sent on: high-bandwidth peers, and those of FIBRE, before it is validated. Then that is no stage. */
  readonly sentOn: Step
}

/** Divides the way of a connected block into stages; `undefined` where what brought it is not known, or its first sign. */
export function wayStages(sources: Sources) {
  const { connectedNs, durationNs, delivery, fibre, sentNs, toldNs, timeAt } = sources
  const way = fibre ? byFibre(sources, fibre) : delivery && byMessages(sources, delivery)
  if (way === undefined || way.firstNs > connectedNs) return undefined
  const until: readonly Step[] = [
    ...way.received,
    { stage: way.waiting, endNs: durationNs === undefined ? undefined : connectedNs - durationNs },
    { stage: 'validation', endNs: connectedNs },
  ]
  const moments = until.map(({ stage, endNs }) => ({ stage, us: endNs === undefined || endNs > connectedNs ? undefined : timeAt(endNs) }))
  const { stage: sentOn, endNs: sentOnNs = connectedNs } = way.sentOn
  if (sentOnNs > connectedNs) moments.push({ stage: sentOn, us: timeAt(sentOnNs) })
  const firstUs = timeAt(way.firstNs)
  const untilUs = (ns: number | undefined) => (ns === undefined || ns < way.firstNs ? undefined : timeAt(ns) - firstUs)
  return {
    ...stagesOf(firstUs, moments),
    untilConnectedUs: untilUs(connectedNs),
    untilSentUs: untilUs(sentNs),
    untilToldUs: untilUs(toldNs),
  }
}

function byMessages({ announced, toldNs }: Sources, { path, exchange, stampNs }: Delivery): Way {
  const asked: readonly Step[] = [
    { stage: 'received_to_requested', endNs: exchange?.request?.stampNs },
    { stage: 'round_trip', endNs: stampNs },
  ]
  return {
    firstNs: Math.min(stampNs, announced?.stampNs ?? stampNs, exchange?.compact?.stampNs ?? stampNs),
    received: [
      { stage: 'announced_to_received', endNs: exchange ? exchange.compact?.stampNs : stampNs },
      ...(path === 'compact_block_round_trip' ? asked : []),
    ],
    waiting: 'received_to_validation',
    sentOn: { stage: 'connected_to_told', endNs: toldNs },
  }
}

function byFibre({ sentNs, toldNs }: Sources, { firstNs, reconstructedNs }: NonNullable<Sources['fibre']>): Way | undefined {
  if (firstNs === undefined) return undefined
  const isSentFirst = sentNs !== undefined && !(toldNs !== undefined && toldNs < sentNs)
  return {
    firstNs,
    received: [{ stage: 'started_to_reconstructed', endNs: reconstructedNs }],
    waiting: 'reconstructed_to_validation',
    sentOn: isSentFirst ? { stage: 'connected_to_sent', endNs: sentNs } : { stage: 'connected_to_told', endNs: toldNs },
  }
}
