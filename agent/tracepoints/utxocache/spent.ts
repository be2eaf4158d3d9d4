import { defineTracepoint } from '../define.ts'
import { coinArguments } from './coins.ts'

export const utxocacheSpent = defineTracepoint({
  probe: 'utxocache:spent',
  group: 'utxocache',
  description: 'A coin in a cache of unspent outputs was spent; temporary caches fire too.',
  args: coinArguments,
  counted: {},
  metrics: ({ counter }) => [
    counter('bitcoin_utxo_cache_spent_total', {
      help: 'Total coins spent in caches of unspent outputs, temporary ones included',
      measure: ({ count }) => count,
    }),
  ],
})
