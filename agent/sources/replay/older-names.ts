import type { EventBase } from '../../tracepoints/define.ts'
import type { TracepointEvent } from '../../tracepoints/index.ts'

/** A key, or a place in the array that has that key. */
export type OlderName = string | readonly [key: string, index: number]

type ArgumentOf<Event> = Exclude<keyof Event, keyof EventBase | 'probe'>
type OlderNames = {
  readonly [P in TracepointEvent['probe']]?: {
    readonly [Name in ArgumentOf<Extract<TracepointEvent, { readonly probe: P }>>]?: OlderName
  }
}

/** Names of arguments in earlier recordings, if they differ from ours. */
export const olderNames: OlderNames = {
  'udp:block_reconstructed': { peer: 'src', chunksReceived: 'chunks_recvd', peers: 'num_peers' },
  'udp:block_reconstruction_detail': {
    missingTransactions: 'missing_tx_count',
    missingBytes: 'missing_tx_bytes',
    mempoolTransactions: 'mempool_tx_count',
    transactions: 'total_tx_count',
  },
  'udp:block_send_start': { startUs: 'send_start_us' },
  'udp:block_coinbase': { scriptSig: 'coinbase_hex' },
  'udp:block_header_chunk': { queueUs: ['dur_us', 0], mapsUs: ['dur_us', 1], chunkUs: ['dur_us', 2], finishUs: ['dur_us', 3] },
  'validation:block_connected': { transactions: 'tx_count', durationNs: 'connection_time_ns' },
}
