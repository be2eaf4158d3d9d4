import type { Loki } from '../loki.ts'
import type { Arrival } from './blocks.ts'
import { bothStarted, hadRace, wonByFibre } from './truth.ts'

type Value = string | number | boolean

/** A node's record of a block, as its journal holds it; a field that is not known is absent. Times move on by `shift` seconds. */
export function journalRecord(arrival: Arrival, shift: number): Readonly<Record<string, Value>> {
  const { node, hash, height, connectedAt, connectNs, reconstruction, udpNs, cmpctNs, udpPeer, cmpctPeer } = arrival
  const at = (seconds: number) => new Date((seconds + shift) * 1000).toISOString().replace('Z', '000Z')
  const ms = (ns: number) => ns / 1e6
  const reconstructedAt = connectedAt - connectNs / 1e9 - 0.0005
  return {
    schema: 1,
    time: at(connectedAt),
    node,
    block_hash: hash,
    height,
    path: hadRace(arrival) ? (wonByFibre(arrival) ? 'fibre_udp' : 'bip152_cmpct') : 'no_race',
    coverage: bothStarted(arrival) ? 'both' : udpNs >= 0 ? 'udp_only' : cmpctNs >= 0 ? 'cmpct_only' : 'none',
    ...(arrival.winner && {
      winner: arrival.winner,
      winner_peer: wonByFibre(arrival) ? udpPeer : cmpctPeer,
      first_started: udpNs >= cmpctNs ? 'fibre_udp' : 'bip152_cmpct',
      head_start_ms: ms(Math.abs(Math.max(udpNs, 0) - Math.max(cmpctNs, 0))),
      head_start_is_lower_bound: !bothStarted(arrival),
      winner_known_at: at(connectedAt + 0.0006),
      connected_to_winner_ms: 0.6,
    }),
    ...(udpNs >= 0 && { udp_ms: ms(udpNs), udp_peer: udpPeer }),
    ...(cmpctNs >= 0 && { cmpct_ms: ms(cmpctNs), cmpct_peer: cmpctPeer }),
    ...(reconstruction && {
      reconstructed_at: at(reconstructedAt),
      reconstruction_ms: reconstruction.durationUs / 1e3,
      reconstruction_peer: udpPeer,
      chunks_used: reconstruction.chunksUsed,
      chunks_received: reconstruction.chunksReceived,
      chunk_peers: reconstruction.peers,
      missing_transactions: reconstruction.missing,
      missing_bytes: reconstruction.missingBytes,
      mempool_transactions: arrival.transactions - 1 - reconstruction.missing,
      all_from_mempool: reconstruction.missing === 0,
      reconstructed_to_connected_ms: ms(connectNs) + 0.5,
    }),
    connected_at: at(connectedAt),
    connect_ms: ms(connectNs),
    transactions: arrival.transactions,
    inputs: arrival.inputs,
    sigops: arrival.sigops,
    pool: arrival.pool,
  }
}

/** Hands Loki the journals of all nodes, as a Collector does: a line of JSON whose fields are structured metadata. */
export async function sendJournal(loki: Loki, arrivals: readonly Arrival[], shift: number): Promise<void> {
  const resourceLogs = [...Map.groupBy(arrivals, ({ node }) => node)].map(([node, blocks]) => ({
    resource: { attributes: attributesOf({ 'service.name': 'fibre-agent', job: 'fibre-blocks', node }) },
    scopeLogs: [{ logRecords: blocks.map((block) => logRecord(block, shift)) }],
  }))
  const response = await fetch(`${loki.otlpUrl}/v1/logs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ resourceLogs }),
  })
  if (!response.ok) throw new Error(`Loki answered ${response.status}: ${await response.text()}`)
}

function logRecord(arrival: Arrival, shift: number) {
  const { node, ...fields } = journalRecord(arrival, shift)
  return {
    timeUnixNano: `${Math.round((arrival.connectedAt + shift) * 1e6)}000`,
    body: { stringValue: JSON.stringify({ ...fields, node }) },
    attributes: attributesOf(fields),
  }
}

const attributesOf = (fields: Readonly<Record<string, Value>>) =>
  Object.entries(fields).map(([key, value]) => ({ key, value: { stringValue: String(value) } }))
