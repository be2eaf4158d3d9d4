import { sample } from '../../metrics/definition.ts'
import { defineTracepoint, integer, knownTexts, labelValues, rawHash, shortText } from '../define.ts'

const reasons = knownTexts(['expiry', 'sizelimit', 'reorg', 'block', 'conflict', 'replaced'], 15)
const labels = { reason: labelValues(reasons) } as const

export const mempoolRemoved = defineTracepoint({
  probe: 'mempool:removed',
  group: 'mempool',
  description: 'A transaction was removed from the mempool. Since Bitcoin Core 25.',
  args: {
    txid: rawHash('Id of the transaction.'),
    reason: shortText('Why: `expiry`, `sizelimit`, `reorg`, `block`, `conflict` or `replaced`.'),
    vsize: integer('Its virtual size, in vbytes.'),
    fee: integer('Its fee, in satoshis.'),
    entered: integer('When it was added: seconds since 1970.'),
  },
  counted: { by: { reason: reasons }, sums: ['vsize', 'fee'] },
  metrics: ({ counter }) => [
    counter('bitcoin_mempool_removed_total', {
      help: 'Total transactions removed from the mempool, by reason',
      labels,
      measure: ({ count, labels: { reason } }) => sample(count, { reason }),
    }),
    counter('bitcoin_mempool_removed_vbytes_total', {
      help: 'Total virtual size of transactions removed from the mempool, in vbytes, by reason',
      labels,
      measure: ({ sums, labels: { reason } }) => sample(sums.vsize, { reason }),
    }),
    counter('bitcoin_mempool_removed_fees_satoshis_total', {
      help: 'Total fees of transactions removed from the mempool, in satoshis, by reason',
      labels,
      measure: ({ sums, labels: { reason } }) => sample(sums.fee, { reason }),
    }),
  ],
})
