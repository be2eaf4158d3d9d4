import { sample } from '../../metrics/definition.ts'
import { defineTracepoint, integer, rawHash } from '../define.ts'

const sources = ['prefilled', 'mempool', 'extra_pool', 'requested'] as const

export const compactBlockReconstructed = defineTracepoint({
  probe: 'net:compact_block_reconstructed',
  group: 'net',
  description: 'A compact block is complete, before it is validated.',
  proposedIn: 'bitcoin/bitcoin#35368',
  args: {
    peer: integer('Number of the peer that sent it.'),
    prefilled: integer('Transactions that came with it.'),
    fromMempool: integer('Transactions that the mempool had.'),
    fromExtraPool: integer('Transactions that the pool of rejected and replaced ones had.'),
    requested: integer('Transactions that were requested.'),
    requestedBytes: integer('Their size in bytes.'),
    blockHash: rawHash('Hash of the block.'),
  },
  metrics: ({ counter }) => [
    counter('bitcoin_compact_block_transactions_total', {
      help: 'Total transactions of reconstructed compact blocks, by where the node had them from',
      labels: { source: sources },
      measure: ({ prefilled, fromMempool, fromExtraPool, requested }) =>
        [prefilled, fromMempool, fromExtraPool, requested].flatMap((count, i) =>
          count === undefined ? [] : sample(count, { source: sources[i] as string }),
        ),
    }),
  ],
})
