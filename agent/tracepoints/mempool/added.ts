import { defineTracepoint, integer, rawHash } from '../define.ts'

export const mempoolAdded = defineTracepoint({
  probe: 'mempool:added',
  group: 'mempool',
  description: 'A transaction was added to the mempool. Since Bitcoin Core 25.',
  args: {
    txid: rawHash('Id of the transaction.'),
    vsize: integer('Its virtual size, in vbytes.'),
    fee: integer('Its fee, in satoshis.'),
  },
  counted: { sums: ['vsize', 'fee'] },
  metrics: ({ counter }) => [
    counter('bitcoin_mempool_added_total', {
      help: 'Total transactions added to the mempool',
      measure: ({ count }) => count,
    }),
    counter('bitcoin_mempool_added_vbytes_total', {
      help: 'Total virtual size of transactions added to the mempool, in vbytes',
      measure: ({ sums }) => sums.vsize,
    }),
    counter('bitcoin_mempool_added_fees_satoshis_total', {
      help: 'Total fees of transactions added to the mempool, in satoshis',
      measure: ({ sums }) => sums.fee,
    }),
  ],
})
