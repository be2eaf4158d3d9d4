import { defineTracepoint } from '../define.ts'
import { coinArguments } from './coins.ts'

export const utxocacheAdd = defineTracepoint({
  probe: 'utxocache:add',
  group: 'utxocache',
  description: 'A coin was added to a cache of unspent outputs; temporary caches fire too.',
  args: coinArguments,
  counted: {},
  metrics: ({ counter }) => [
    counter('bitcoin_utxo_cache_added_total', {
      help: 'Total coins added to caches of unspent outputs, temporary ones included',
      measure: ({ count }) => count,
    }),
  ],
})
