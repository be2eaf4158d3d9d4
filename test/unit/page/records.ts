import type { BlockRecord } from '../../../agent/blocks/record.ts'
import type { NodeSnapshot, Snapshot } from '../../../agent/nodes/snapshot.ts'
import { hashOf } from '../blocks/events.ts'

/** The record of a block that FIBRE won, made from a number: one second after the last. */
export function recordOfWin(number: number, fields: Partial<BlockRecord> = {}): BlockRecord {
  const time = new Date(Date.UTC(2026, 10, 22, 12) + number * 1000).toISOString().replace('Z', '456Z')
  return {
    schema: 1,
    time,
    node: 'node-a',
    block_hash: hashOf(number),
    height: 900_000 + number,
    path: 'fibre_udp',
    coverage: 'both',
    winner: 'FIBRE/UDP',
    winner_peer: '192.0.2.11:8433',
    first_started: 'fibre_udp',
    head_start_ms: 5.25,
    head_start_is_lower_bound: false,
    udp_ms: 25.5,
    udp_peer: '192.0.2.11:8433',
    cmpct_ms: 20.25,
    cmpct_peer: 'peer=12',
    first_chunk_at: time,
    reconstructed_at: time,
    connected_at: time,
    winner_known_at: time,
    sent_at: time,
    reconstruction_ms: 12.345,
    reconstruction_peer: '192.0.2.11:8433',
    chunks_used: 31,
    chunks_received: 45,
    chunk_peers: 3,
    missing_transactions: 4,
    missing_bytes: 2_100,
    mempool_transactions: 3_100,
    all_from_mempool: false,
    connect_ms: 21.4,
    transactions: 3_105,
    inputs: 6_900,
    sigops: 14_000,
    pool: 'Foundry USA',
    coinbase_text: '/Foundry USA Pool #dropgold/',
    reconstructed_to_connected_ms: 22.1,
    connected_to_winner_ms: 0.4,
    header_queue_ms: 0.02,
    header_maps_ms: 0.01,
    header_chunk_ms: 0.05,
    header_finish_ms: 0.03,
    ...fields,
  }
}

export const node: NodeSnapshot = {
  node: 'node-a',
  isUp: true,
  process: { pid: 4242, executable: '/usr/local/bin/bitcoind' },
  replay: undefined,
  restarts: 0,
  attachError: undefined,
  probes: [
    { probe: 'udp:block_reconstructed', offered: true, attached: true },
    { probe: 'udp:block_race_time', offered: true, attached: true },
  ],
  hasFibre: true,
  hasLostFibre: false,
  isCatchingUp: false,
  connected: 1_425,
  wins: { fibre_udp: 913, bip152_cmpct: 406, other: 2 },
  lastHeight: 912_345,
  lastBlockAt: new Date('2026-11-22T12:34:56.789Z'),
  lost: new Map(),
  fieldErrors: new Map(),
}

export const quiet: Snapshot = {
  version: '1.2.3',
  startedAt: new Date('2026-11-22T09:00:00Z'),
  isUp: true,
  readiness: { ready: true, reasons: [] },
  warnings: [],
  nodes: [node],
  eventsProcessed: new Map(),
  eventErrors: 0,
  journal: { written: new Map(), failed: 0 },
  webhook: { isFailing: false, delivered: 0, failed: 0, pending: 0, givenUp: 0, refused: 0 },
  pushing: undefined,
}
