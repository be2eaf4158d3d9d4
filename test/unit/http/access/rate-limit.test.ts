import { expect, it } from 'vitest'
import { RateLimit } from '../../../../agent/http/access/rate-limit.ts'
import { serve } from '../serve.ts'

it('lets a burst through, and then one in each interval', () => {
  const limit = new RateLimit({ intervalMs: 100, burst: 2 })
  const start = performance.now() + 1000
  expect([0, 0, 0, 99, 100, 101, 250, 1000, 1000, 1000].map((ms) => limit.take(start + ms))).toEqual([
    ...[true, true, false, false, true, false, true, true, true, false],
  ])
})

it('lets nothing through without a burst, as there', async () => {
  const { url } = await serve({ rateLimit: new RateLimit({ intervalMs: 1000, burst: 0 }), routes: {} })
  const response = await fetch(url)
  expect([response.status, await response.text()]).toEqual([429, 'Too Many Requests'])
})
