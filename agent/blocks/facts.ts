import type { Block } from './block.ts'

const relayProbes = ['udp:block_reconstructed', 'udp:block_reconstruction_detail', 'udp:block_coinbase', 'udp:block_header_chunk'] as const

/** A block as its record sees it: its events by short names. */
export function factsOf({ events, ...block }: Block) {
  const connected = events['validation:block_connected']
  const reference = connected ?? Object.values(events).reduce((first, event) => (event.stampNs < first.stampNs ? event : first))
  const referenceUs = Math.round(reference.unixSeconds * 1e6)
  return {
    ...block,
    /** When it was connected, or first heard of if it never was. */
    stampNs: reference.stampNs,
    /** It came without a race, and before it was connected nothing was heard of it from FIBRE either. */
    unheard: block.withoutRace && !relayProbes.some((probe) => (events[probe]?.stampNs ?? Number.POSITIVE_INFINITY) <= reference.stampNs),
    /**
     * The time of day at a stamp, in µs since 1970. All those of a block are told from one event's by the differences of their
     * stamps: so they agree with durations, even where the wall clock was stepped in between.
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
 * When the first FIBRE packet came, as a stamp in ns: by the reconstruction, else by the race, whose times run back from where
 * connecting ends and the winner is named, else by the header chunk.
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
