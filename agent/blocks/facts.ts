import type { Block } from './block.ts'

const relayProbes = ['udp:block_reconstructed', 'udp:block_reconstruction_detail', 'udp:block_coinbase', 'udp:block_header_chunk'] as const

/** Gives the events of a block short names, for the fields of its record. */
export function factsOf({ node, hash, winner, race, withoutRace, events }: Block) {
  const connected = events['validation:block_connected']
  const reference = connected ?? Object.values(events).reduce((first, event) => (event.stampNs < first.stampNs ? event : first))
  const referenceUs = Math.round(reference.unixSeconds * 1e6)
  return {
    node,
    hash,
    winner,
    race,
    /** Time at which it was connected, or first heard of if it never was. */
    stampNs: reference.stampNs,
    /** True if it came without a race, and without an event of FIBRE before it was connected. */
    unheard: withoutRace && !relayProbes.some((probe) => (events[probe]?.stampNs ?? Number.POSITIVE_INFINITY) <= reference.stampNs),
    /**
     * The time of day at a stamp, in µs since 1970. All times of a block are computed from one event's by the differences of their
     * stamps, so they agree with its durations even if the wall clock was stepped in between.
     */
    timeAt: (stampNs: number) => referenceUs + Math.round((stampNs - reference.stampNs) / 1e3),
    reconstructed: events['udp:block_reconstructed'],
    detail: events['udp:block_reconstruction_detail'],
    sendStart: events['udp:block_send_start'],
    coinbase: events['udp:block_coinbase'],
    headerChunk: events['udp:block_header_chunk'],
    raceWinner: events['udp:block_race_winner'],
    raceTime: events['udp:block_race_time'],
    connected,
  }
}

export type Facts = ReturnType<typeof factsOf>

/**
 * The arrival of the first FIBRE packet, as a stamp in ns: from the reconstruction, else from the race, whose times run back from
 * the end of connecting, when the winner is named, else from the header chunk.
 */
export function firstChunkNs(facts: Facts): number | undefined {
  const { reconstructed } = facts
  if (reconstructed?.durationUs !== undefined) return reconstructed.stampNs - Math.max(0, reconstructed.durationUs) * 1e3
  const ns = firstChunkByRaceNs(facts) ?? firstChunkByHeaderNs(facts)
  return ns !== undefined && reconstructed ? Math.min(ns, reconstructed.stampNs) : ns
}

function firstChunkByRaceNs({ race, raceWinner, raceTime }: Facts): number | undefined {
  const end = raceWinner ?? raceTime
  return race?.udpSeconds === undefined || end === undefined ? undefined : end.stampNs - race.udpSeconds * 1e9
}

function firstChunkByHeaderNs({ headerChunk }: Facts): number | undefined {
  if (!headerChunk) return undefined
  const { stampNs, queueUs = 0, mapsUs = 0, chunkUs = 0, finishUs = 0 } = headerChunk
  return stampNs - (queueUs + mapsUs + chunkUs + finishUs) * 1e3
}
