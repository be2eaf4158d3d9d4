import { readFileSync } from 'node:fs'
import type { Fields } from '../harness/listening.ts'
import type { FiredEvent, Probe } from './demo-node.ts'

/** A line of what a demo node recorded: what it fired, and when it was about to. */
export type Recorded = FiredEvent & { readonly ts_ns: number }

export function readRecording(path: string): readonly Recorded[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

/** Keys of recordings, in the tracepoint's order, and what we call those fields. */
const names: Readonly<Partial<Record<Probe, Readonly<Record<string, string>>>>> = {
  'udp:block_reconstructed': {
    block_hash: 'blockHash',
    src: 'peer',
    chunks_used: 'chunksUsed',
    chunks_recvd: 'chunksReceived',
    num_peers: 'peers',
    duration_us: 'durationUs',
    height: 'height',
  },
  'udp:block_reconstruction_detail': {
    block_hash: 'blockHash',
    height: 'height',
    missing_tx_count: 'missingTransactions',
    missing_tx_bytes: 'missingBytes',
    mempool_tx_count: 'mempoolTransactions',
    total_tx_count: 'transactions',
    all_from_mempool: 'allFromMempool',
  },
  'udp:block_send_start': { block_hash: 'blockHash', send_start_us: 'startUs' },
  'udp:block_coinbase': { block_hash: 'blockHash', coinbase_hex: 'scriptSig' },
  'udp:block_header_chunk': { hash_prefix: 'hashPrefix' },
  'udp:block_race_winner': { block_hash: 'blockHash', height: 'height', winner: 'winner', winner_peer: 'winnerPeer' },
  'udp:block_race_time': {
    block_hash: 'blockHash',
    height: 'height',
    udp_ns: 'udpNs',
    udp_peer: 'udpPeer',
    cmpct_ns: 'cmpctNs',
    cmpct_peer: 'cmpctPeer',
  },
  'validation:block_connected': {
    block_hash: 'blockHash',
    height: 'height',
    tx_count: 'transactions',
    inputs: 'inputs',
    sigops: 'sigops',
    connection_time_ns: 'durationNs',
  },
}

/** The fields that the agent should read when this is fired: `undefined` where there is nothing to read. */
export function fieldsOf(fired: FiredEvent): Fields {
  const renamed = Object.entries(names[fired.probe] ?? {}).map(([key, name]) => [name, fired[key] ?? undefined])
  const fields = Object.fromEntries(renamed)
  if (fired.probe !== 'udp:block_header_chunk') return fields
  const [queueUs, mapsUs, chunkUs, finishUs] = fired.dur_us as readonly number[]
  return { hashPrefix: String(fired.hash_prefix).padStart(16, '0'), queueUs, mapsUs, chunkUs, finishUs } as Fields
}

/** The fields of a decoded event, without what every event has. */
export function fieldsIn({ probe, node, stampNs, unixSeconds, ...fields }: Fields): Fields {
  return fields
}
