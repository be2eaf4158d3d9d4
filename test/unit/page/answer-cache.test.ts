import { expect, it } from 'vitest'
import { hashOf } from '../blocks/events.ts'
import { recordOfWin } from './records.ts'
import { serveLive } from './serve-live.ts'

it('renders a page once for all that ask for it until it changes', async () => {
  let read = 0
  const counted = Object.defineProperty({ ...recordOfWin(1) }, 'pool', { enumerable: true, get: () => `pool ${++read}` })
  const { live, get } = await serveLive([counted])
  for (const path of ['/', `/block?hash=${hashOf(1)}`, '/api/v1/blocks']) {
    const [one, ...others] = await Promise.all(Array.from({ length: 20 }, async () => (await get(path)).text()))
    const seen = read
    expect(new Set(others)).toEqual(new Set([one]))
    live.update(recordOfWin(2), true)
    expect(await (await get(path)).text()).toContain(path === '/' ? '900,002' : 'pool')
    expect(read).toBeGreaterThanOrEqual(seen)
  }
  expect(read).toBeLessThan(20)
})
