import type { Block } from './block.ts'

/** A block as its record sees it: its events by short names. */
export function factsOf({ events, ...block }: Block) {
  return {
    ...block,
    reconstructed: events['udp:block_reconstructed'],
    detail: events['udp:block_reconstruction_detail'],
    sendStart: events['udp:block_send_start'],
    coinbase: events['udp:block_coinbase'],
    headerChunk: events['udp:block_header_chunk'],
    raceWinner: events['udp:block_race_winner'],
    raceTime: events['udp:block_race_time'],
    connected: events['validation:block_connected'],
    firstHeardSeconds: Math.min(...Object.values(events).map(({ unixSeconds }) => unixSeconds)),
  }
}

export type Facts = ReturnType<typeof factsOf>

/** When the first FIBRE packet came, Unix time in seconds: by the race, else by the reconstruction, else by the header chunk. */
export function firstChunkSeconds({ race, connected, reconstructed, headerChunk }: Facts): number | undefined {
  if (race?.udpSeconds !== undefined && connected) return connected.unixSeconds - race.udpSeconds
  if (reconstructed?.durationUs !== undefined) return reconstructed.unixSeconds - reconstructed.durationUs / 1e6
  if (!headerChunk) return undefined
  const { queueUs = 0, mapsUs = 0, chunkUs = 0, finishUs = 0 } = headerChunk
  return headerChunk.unixSeconds - (queueUs + mapsUs + chunkUs + finishUs) / 1e6
}
