import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { eventOf, tracepointOf } from '../../unit/blocks/events.ts'
import type { Arrival } from './blocks.ts'

/** Events of a node's tracepoints for a block, in the order in which they fire. Stamps count from `bootedAt` (Unix, seconds). */
export function eventsOf(arrival: Arrival, bootedAt: number): readonly TracepointEvent[] {
  const { node, hash: blockHash, height, connectedAt, reconstruction, winner, udpNs, cmpctNs } = arrival
  const at = (seconds: number) => ({ node, stampNs: Math.round((seconds - bootedAt) * 1e9), unixSeconds: seconds })
  const events: TracepointEvent[] = []
  const completeAt = at(connectedAt - arrival.connectNs / 1e9 - 0.0005)
  if (arrival.headerChunkUs) {
    const [queueUs, mapsUs, chunkUs, finishUs] = arrival.headerChunkUs
    const firstAt = at(connectedAt - Math.max(udpNs, 0) / 1e9)
    events.push(eventOf('udp:block_header_chunk', { ...firstAt, hashPrefix: blockHash.slice(-16), queueUs, mapsUs, chunkUs, finishUs }))
  }
  if (reconstruction) {
    const { durationUs, chunksUsed, chunksReceived, peers, missing, missingBytes } = reconstruction
    const transactions = arrival.transactions
    events.push(
      eventOf('udp:block_reconstructed', {
        ...completeAt,
        blockHash,
        peer: arrival.udpPeer,
        chunksUsed,
        chunksReceived,
        peers,
        durationUs,
        height,
      }),
      eventOf('udp:block_reconstruction_detail', {
        ...completeAt,
        blockHash,
        height,
        missingTransactions: missing,
        missingBytes,
        mempoolTransactions: transactions - 1 - missing,
        transactions,
        allFromMempool: Number(missing === 0),
      }),
    )
  }
  if (arrival.sent) events.push(eventOf('udp:block_send_start', { ...completeAt, blockHash, startUs: Math.round(connectedAt * 1e6) }))
  const { transactions, inputs, sigops, connectNs: durationNs } = arrival
  events.push(eventOf('validation:block_connected', { ...at(connectedAt), blockHash, height, transactions, inputs, sigops, durationNs }))
  if (winner) {
    const { udpPeer, cmpctPeer } = arrival
    const winnerPeer = winner === 'FIBRE/UDP' ? udpPeer : cmpctPeer
    events.push(
      eventOf('udp:block_race_winner', { ...at(connectedAt + 0.0006), blockHash, height, winner, winnerPeer }),
      eventOf('udp:block_race_time', { ...at(connectedAt + 0.0007), blockHash, height, udpNs, udpPeer, cmpctNs, cmpctPeer }),
    )
  }
  return events
}

/** The types of the events that a block makes. */
export const eventTypesOf = (arrival: Arrival): readonly string[] => eventsOf(arrival, 0).map(({ probe }) => tracepointOf(probe).eventType)
