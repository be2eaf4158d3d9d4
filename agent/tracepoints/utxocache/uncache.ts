import { defineTracepoint } from '../define.ts'
import { coinArguments } from './coins.ts'

export const utxocacheUncache = defineTracepoint({
  probe: 'utxocache:uncache',
  group: 'utxocache',
  description: 'A coin was dropped from the cache of unspent outputs, unchanged.',
  args: coinArguments,
  counted: {},
  metrics: ({ counter }) => [
    counter('bitcoin_utxo_cache_uncached_total', {
      help: 'Total coins dropped from the cache of unspent outputs, unchanged',
      measure: ({ count }) => count,
    }),
  ],
})
