import { writeFileSync } from 'node:fs'
import { rotatedName } from '../../../agent/journal/files.ts'

const FILE_BYTES = 8 << 20
/** Time between two blocks. */
const APART_MS = 600_000

/** Writes the journal that an agent has after a block every ten minutes: files of the size at which it starts a new one. */
export function writeJournal(path: string, bytes: number): void {
  let time = Date.now()
  for (let left = bytes, file = path; left > 0; left -= FILE_BYTES, file = rotatedName(path, new Date(time))) {
    const lines: string[] = []
    for (let written = 0; written < Math.min(left, FILE_BYTES); time -= APART_MS) {
      const line = recordAt(time)
      lines.unshift(line)
      written += line.length
    }
    writeFileSync(file, lines.join(''))
  }
}

/** A record as the journal's README shows one. */
function recordAt(time: number): string {
  const number = Math.floor(time / APART_MS)
  return `${JSON.stringify({
    schema: 1,
    time: new Date(time).toISOString().replace('Z', '000Z'),
    node: 'localhost',
    block_hash: number.toString(16).padStart(64, '0'),
    height: number - 2_000_000,
    path: 'fibre_udp',
    coverage: 'both',
    winner: 'FIBRE/UDP',
    winner_peer: '[2001:db8::7]:8433',
    first_started: 'fibre_udp',
    head_start_ms: 22.845053,
    head_start_is_lower_bound: false,
    udp_ms: 877.122573,
    udp_peer: '[2001:db8::7]:8433',
    cmpct_ms: 854.27752,
    cmpct_peer: 'peer=14',
    reconstruction_ms: 865.574,
    reconstruction_peer: '[2001:db8::7]:8433',
    chunks_used: 158,
    chunks_received: 197,
    chunk_peers: 3,
    missing_transactions: 56,
    missing_bytes: 41_272,
    mempool_transactions: 4734,
    connect_ms: 9.936693,
    transactions: 4791,
    inputs: 13_630,
    sigops: 32_098,
    pool: 'AntPool',
    coinbase_text: '/AntPool/',
  })}\n`
}
