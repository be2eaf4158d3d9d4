import { defineBlockTracepoint, integer, rawHash, scaledBefore25 } from './define.ts'
import { lastBlockHeight } from './last-block-height.ts'

export const blockConnected = defineBlockTracepoint({
  probe: 'validation:block_connected',
  group: 'validation',
  required: true,
  description: 'A block became part of the active chain, by whatever path it came.',
  args: {
    blockHash: rawHash('Hash of the block.'),
    height: integer('Height of the block.'),
    transactions: integer('Transactions of the block.'),
    inputs: integer('Inputs of the block.'),
    sigops: integer('Signature operations of the block.'),
    durationNs: scaledBefore25(1000, integer('Time that connecting took, in ns.')), // µs before 25
  },
  metrics: ({ counter, histogram, gauge }) => [
    counter('bitcoin_blocks_connected_total', {
      help: 'Total blocks connected to the active chain',
      measure: () => 1,
    }),
    histogram('bitcoin_block_connection_duration_seconds', {
      help: 'Time to connect a block to the active chain',
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      measure: ({ durationNs }) => (durationNs !== undefined && durationNs > 0 ? durationNs / 1e9 : undefined),
    }),
    histogram('bitcoin_block_tx_count', {
      help: 'Transactions per connected block',
      buckets: [1, 10, 50, 100, 250, 500, 1000, 2000, 3000, 5000, 10000],
      measure: ({ transactions }) => transactions,
    }),
    lastBlockHeight,
    gauge('fibre_last_block_connected_timestamp_seconds', {
      help: 'Unix time at which the last block was connected',
      measure: ({ unixSeconds }) => unixSeconds,
    }),
  ],
})
