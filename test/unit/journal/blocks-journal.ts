import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'

/** When `blockAt(0)` came; then comes one every ten minutes. */
const START = Date.parse('2026-11-15T00:00:00Z')
const TEN_MINUTES = 600_000

/** An invented block as bitcoind tells of most of them: of each number another, always the same. */
export function blockAt(number: number, fields: Partial<BlockRecord> = {}): BlockRecord {
  const digest = createHash('sha256').update(`block ${number}`).digest()
  const chance = (index: number) => digest.readUInt16LE(index * 2) / 65536
  const at = (ms: number) => new Date(START + number * TEN_MINUTES + ms).toISOString().replace('Z', '000Z')
  const reconstructionMs = Math.round(1000 * (2 + 60 * chance(0) ** 4)) / 1000
  const missing = Math.floor(40 * chance(1))
  const transactions = 1000 + Math.floor(3000 * chance(2))
  const isFibre = chance(3) < 0.8
  const isOneSided = chance(4) < 0.5
  return {
    schema: 1,
    time: at(0),
    node: 'fra1',
    block_hash: `0000000000000000000${digest.toString('hex').slice(19)}`,
    height: 900_000 + number,
    path: isFibre ? 'fibre_udp' : 'bip152_cmpct',
    coverage: isOneSided ? (isFibre ? 'udp_only' : 'cmpct_only') : 'both',
    winner: isFibre ? 'FIBRE/UDP' : 'BIP152/CMPCTBLOCK',
    winner_peer: isFibre ? '198.51.100.7:8336' : '203.0.113.9:8333',
    first_started: isFibre ? 'fibre_udp' : 'bip152_cmpct',
    head_start_ms: Math.round(1e3 * 90 * chance(5)) / 1e3,
    head_start_is_lower_bound: isOneSided,
    udp_ms: reconstructionMs + 20,
    udp_peer: '198.51.100.7:8336',
    first_chunk_at: at(-reconstructionMs - 20),
    reconstructed_at: at(-20),
    connected_at: at(0),
    winner_known_at: at(1),
    reconstruction_ms: reconstructionMs,
    reconstruction_peer: '198.51.100.7:8336',
    chunks_used: 300 + missing,
    chunks_received: 340 + 2 * missing,
    chunk_peers: 3,
    missing_transactions: missing,
    missing_bytes: missing * 400,
    mempool_transactions: transactions - missing,
    all_from_mempool: missing === 0,
    connect_ms: Math.round(1e3 * (10 + 30 * chance(6))) / 1e3,
    transactions,
    inputs: transactions * 2,
    sigops: transactions * 3,
    pool: chance(7) < 0.5 ? 'Foundry USA' : 'AntPool',
    coinbase_text: '/Foundry USA Pool #dropgold/',
    ...fields,
  }
}

export function blocks(count: number, fields: Partial<BlockRecord> = {}): readonly BlockRecord[] {
  return Array.from({ length: count }, (_, number) => blockAt(number, fields))
}

export function ndjson(records: readonly BlockRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('')
}

/** A journal with that content, and rotated files by when they were. */
export function journalWith(content: string | Buffer, rotated: Readonly<Record<string, string>> = {}): string {
  const path = join(temporaryDirectory(), 'blocks.ndjson')
  writeFileSync(path, content)
  for (const [time, text] of Object.entries(rotated)) writeFileSync(`${path}.${time}`, text)
  return path
}
