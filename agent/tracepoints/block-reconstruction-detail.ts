import { defineBlockTracepoint, hexHash, integer } from './define.ts'

export const blockReconstructionDetail = defineBlockTracepoint({
  probe: 'udp:block_reconstruction_detail',
  group: 'fibre',
  description: 'The sources of the transactions of a reconstructed block. Newer builds only.',
  args: {
    blockHash: hexHash('Hash of the block.'),
    height: integer('Height of the block.'),
    missingTransactions: integer('Transactions that the mempool lacked.'),
    missingBytes: integer('Their size in bytes.'),
    mempoolTransactions: integer('Transactions that the mempool had.'),
    transactions: integer('Transactions of the block.'),
    allFromMempool: integer('1 if the mempool had all of them, else 0.'),
  },
  metrics: ({ counter, histogram }) => [
    histogram('fibre_block_missing_tx_count', {
      help: 'Transactions per block that were missing from the mempool',
      buckets: [0, 1, 2, 5, 10, 20, 50, 100, 250, 500, 1000, 2000, 5000, 10000],
      measure: ({ missingTransactions }) => missingTransactions,
    }),
    histogram('fibre_block_missing_tx_bytes', {
      help: 'Bytes of transactions per block that were missing from the mempool',
      buckets: [100, 500, 1e3, 5e3, 1e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 2e6, 4e6],
      measure: ({ missingBytes }) => missingBytes,
    }),
    histogram('fibre_block_mempool_tx_count', {
      help: 'Transactions per block that came from the mempool',
      buckets: [0, 1, 10, 50, 100, 250, 500, 1000, 2000, 3000, 5000, 10000],
      measure: ({ mempoolTransactions }) => mempoolTransactions,
    }),
    counter('fibre_block_all_tx_from_mempool_total', {
      help: 'Total reconstructed blocks of which the mempool had every transaction',
      measure: ({ allFromMempool }) => (allFromMempool === undefined ? undefined : Number(allFromMempool !== 0)),
    }),
  ],
})
