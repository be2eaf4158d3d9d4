import { defineBlockTracepoint, hexHash, integer, optional, text } from './define.ts'

export const blockReconstructed = defineBlockTracepoint({
  probe: 'udp:block_reconstructed',
  group: 'fibre',
  required: true,
  description: 'A block was reconstructed from FIBRE chunks. Decoding it can still fail afterwards.',
  args: {
    blockHash: hexHash('Hash of the block.'),
    peer: text('Peer that sent the block, `ip:port`.'),
    chunksUsed: integer('Chunks that the decoder used.'),
    chunksReceived: integer('Chunks that arrived before the block was complete.'),
    peers: integer('Peers that sent chunks.'),
    durationUs: integer('First header packet to complete block, in µs.'),
    height: optional(integer('Height of the block.')),
  },
  metrics: ({ counter, histogram }) => [
    counter('fibre_blocks_reconstructed_total', {
      help: 'Total blocks reconstructed via FIBRE/UDP',
      measure: () => 1,
    }),
    histogram('fibre_block_reconstruction_duration_seconds', {
      help: 'Block reconstruction time',
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      measure: ({ durationUs }) => (durationUs === undefined ? undefined : durationUs / 1e6),
    }),
    histogram('fibre_block_chunks_used', {
      help: 'Number of chunks used per block',
      buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
      measure: ({ chunksUsed }) => chunksUsed,
    }),
    counter('fibre_chunks_received_total', {
      help: 'Total chunks received',
      measure: ({ chunksReceived }) => chunksReceived,
    }),
    counter('fibre_chunks_used_total', {
      help: 'Total chunks used',
      measure: ({ chunksUsed }) => chunksUsed,
    }),
  ],
})
