import { distribution, sample } from '../../metrics/definition.ts'
import { defineTracepoint, integer, knownNumbers, labelValues } from '../define.ts'

/** FlushStateMode (validation.h); before Bitcoin Core 31 number 3 is called ALWAYS, and there is no 4. */
const modes = knownNumbers('none', 'if_needed', 'periodic', 'force_flush', 'force_sync')
const labels = { mode: labelValues(modes) } as const

/** In µs: a cache of some GB takes a minute and more. */
const bounds = [1e3, 1e4, 1e5, 2.5e5, 5e5, 1e6, 2.5e6, 5e6, 1e7, 3e7, 6e7, 1.2e8, 3e8]

export const utxocacheFlush = defineTracepoint({
  probe: 'utxocache:flush',
  group: 'utxocache',
  description:
    'The cache of unspent outputs was written to disk. Since Bitcoin Core 29 the duration comes from a clock that can jump: a negative one counts as 0.',
  args: {
    durationUs: integer('Time that it took, in µs.'),
    mode: integer('Why: 0 none, 1 if needed, 2 periodic, 3 forced flush, 4 forced sync (since Bitcoin Core 31).'),
    coins: integer('Coins in the cache.'),
    bytes: integer('Memory that they take.'),
    isForPrune: integer('1 if it made room for pruning, else 0.'),
  },
  counted: { by: { mode: modes }, sums: ['durationUs', 'coins', 'bytes'], histogram: { of: 'durationUs', bounds } },
  metrics: ({ counter, histogram }) => [
    histogram('bitcoin_utxo_cache_flush_duration_seconds', {
      help: 'Time to write the cache of unspent outputs to disk, by the mode of the flush',
      labels,
      buckets: bounds.map((us) => us / 1e6),
      measure: ({ buckets, sums, labels: { mode } }) => distribution(buckets, sums.durationUs / 1e6, { mode }),
    }),
    counter('bitcoin_utxo_cache_flushed_coins_total', {
      help: 'Total coins written to disk with the cache of unspent outputs, by the mode of the flush',
      labels,
      measure: ({ sums, labels: { mode } }) => sample(sums.coins, { mode }),
    }),
    counter('bitcoin_utxo_cache_flushed_bytes_total', {
      help: 'Total memory of the coins written to disk with the cache of unspent outputs, in bytes, by the mode of the flush',
      labels,
      measure: ({ sums, labels: { mode } }) => sample(sums.bytes, { mode }),
    }),
  ],
})
