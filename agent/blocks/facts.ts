import { type Block, isBroughtBy } from './block.ts'
import { decodeCoinbase } from './coinbase.ts'
import { type Delivery, deliveryOf, toldDelivery } from './relay/delivery.ts'
import { wayOf } from './relay/way.ts'
import { wayStages } from './way-stages.ts'

/** A block that is connected sooner after messages began to be seen may have come by one that was not. */
const UNSEEN_NS = 5e9

/** Gives the events of a block short names, for the fields of its record. */
export function factsOf(block: Block) {
  const { node, hash, winner, race, withoutRace, events, relay } = block
  const connected = events['validation:block_connected']
  const reference = connected ?? firstOf(block)
  const referenceUs = Math.round(reference.unixSeconds * 1e6)
  const timeAt = (stampNs: number) => referenceUs + Math.round((stampNs - reference.stampNs) / 1e3)
  const delivery = deliveryIn(block)
  const reconstructed = events['udp:block_reconstructed']
  const sendStart = events['udp:block_send_start']
  const firstNs = firstChunkNs(block)
  return {
    node,
    hash,
    winner,
    race,
    /** Time at which it was connected, or first heard of if it never was. */
    stampNs: reference.stampNs,
    /** True if it came without a race, and without an event of FIBRE before it was connected. */
    unheard: withoutRace && !isBroughtBy(block, reference.stampNs),
    isCaughtUp: block.isCaughtUp,
    delivery,
    way: relay && wayOf(relay, delivery),
    stages:
      connected &&
      wayStages({
        connectedNs: connected.stampNs,
        durationNs: connected.durationNs,
        delivery,
        fibre: winner === 'fibre_udp' ? { firstNs, reconstructedNs: reconstructed?.stampNs } : undefined,
        announced: relay?.announcements[0],
        sentNs: sendStart?.stampNs,
        toldNs: relay?.isLogged || hasAllMessages(block) ? relay?.told?.stampNs : undefined,
        timeAt,
      }),
    isMinedHere: isMinedHere(block),
    isSent: relay?.isLogged === false && relay.isSentBy(reference.stampNs),
    measuredHeadStartSeconds: block.measuredHeadStartSeconds,
    competesWith: block.competesWith,
    reorganisationDepth: block.reorganisationDepth,
    isOverdue: block.isOverdue,
    /**
     * The time of day at a stamp, in µs since 1970. All times of a block are computed from one event's by the differences of their
     * stamps, so they agree with its durations even if the wall clock was stepped in between.
     */
    timeAt,
    firstChunkNs: firstNs,
    reconstructed,
    detail: events['udp:block_reconstruction_detail'],
    sendStart,
    coinbase: decodeCoinbase(events['udp:block_coinbase']?.scriptSig),
    headerChunk: events['udp:block_header_chunk'],
    raceWinner: events['udp:block_race_winner'],
    raceTime: events['udp:block_race_time'],
    connected,
  }
}

export type Facts = ReturnType<typeof factsOf>

/** The first event of a block; of one that only messages told of, when it was heard of. */
function firstOf({ events, firstSign }: Block): Block['firstSign'] {
  return Object.values(events).reduce((first, event) => (event.stampNs < first.stampNs ? event : first), firstSign)
}

/** The message by which a block came; `undefined` unless all messages about it were seen or the node tells, and where FIBRE brought it. */
export function deliveryIn(block: Block): Delivery | undefined {
  const { winner, relay, events } = block
  const connected = events['validation:block_connected']
  if (connected === undefined || relay === undefined || winner === 'fibre_udp') return undefined
  return (hasAllMessages(block) ? deliveryOf(relay, connected.stampNs) : undefined) ?? toldDelivery(relay, connected.stampNs)
}

/** Reports whether all messages about a block were seen. */
const hasAllMessages = ({ relay, messagesSinceNs }: Block): boolean =>
  relay !== undefined && messagesSinceNs !== undefined && messagesSinceNs <= relay.firstNs

/** Reports whether neither FIBRE nor a message can have brought a connected block. */
function isMinedHere(block: Block): boolean {
  const { winner, race, events, messagesSinceNs } = block
  const connected = events['validation:block_connected']
  if (connected === undefined || winner !== undefined || race !== undefined || events['udp:block_race_winner']) return false
  if (messagesSinceNs === undefined || messagesSinceNs > connected.stampNs - UNSEEN_NS || isBroughtBy(block, connected.stampNs))
    return false
  return block.relay?.isSentBy(connected.stampNs) !== true
}

/**
 * The arrival of the first FIBRE packet, as a stamp in ns: from the reconstruction, else from the race, whose times run back from
 * the end of connecting, when the winner is named, else from the header chunk.
 */
function firstChunkNs(block: Block): number | undefined {
  const reconstructed = block.events['udp:block_reconstructed']
  if (reconstructed?.durationUs !== undefined) return reconstructed.stampNs - Math.max(0, reconstructed.durationUs) * 1e3
  const ns = firstChunkByRaceNs(block) ?? firstChunkByHeaderNs(block)
  return ns !== undefined && reconstructed ? Math.min(ns, reconstructed.stampNs) : ns
}

function firstChunkByRaceNs({ race, events }: Block): number | undefined {
  const end = events['udp:block_race_winner'] ?? events['udp:block_race_time']
  return race?.udpSeconds === undefined || end === undefined ? undefined : end.stampNs - race.udpSeconds * 1e9
}

function firstChunkByHeaderNs({ events }: Block): number | undefined {
  const headerChunk = events['udp:block_header_chunk']
  if (!headerChunk) return undefined
  const { stampNs, queueUs = 0, mapsUs = 0, chunkUs = 0, finishUs = 0 } = headerChunk
  return stampNs - (queueUs + mapsUs + chunkUs + finishUs) * 1e3
}
