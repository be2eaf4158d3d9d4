import { defineTracepoint, integer, optional, rawHash } from '../define.ts'

export const mempoolReplaced = defineTracepoint({
  probe: 'mempool:replaced',
  group: 'mempool',
  description: 'A transaction in the mempool was replaced. A replacement of several fires for each of them. Since Bitcoin Core 25.',
  args: {
    txid: rawHash('Id of the transaction that was replaced.'),
    vsize: integer('Its virtual size, in vbytes.'),
    fee: integer('Its fee, in satoshis.'),
    entered: integer('When it was added: seconds since 1970.'),
    replacement: rawHash('Id of the replacement, or hash of a package.'),
    replacementVsize: integer('Virtual size of the replacement, in vbytes.'),
    replacementFee: integer('Fee of the replacement, in satoshis.'),
    isTransaction: optional(integer('1 if the replacement is a transaction, 0 if it is a package.')),
  },
  counted: { sums: ['vsize', 'fee'] },
  metrics: ({ counter }) => [
    counter('bitcoin_mempool_replaced_total', {
      help: 'Total transactions in the mempool that others replaced',
      measure: ({ count }) => count,
    }),
    counter('bitcoin_mempool_replaced_vbytes_total', {
      help: 'Total virtual size of transactions that others replaced, in vbytes',
      measure: ({ sums }) => sums.vsize,
    }),
    counter('bitcoin_mempool_replaced_fees_satoshis_total', {
      help: 'Total fees of transactions that others replaced, in satoshis',
      measure: ({ sums }) => sums.fee,
    }),
  ],
})
