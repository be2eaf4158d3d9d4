import { expect, it } from 'vitest'
import { eventOf, FIBRE } from '../blocks/events.ts'
import { openPage } from './page.ts'

const delivered = (node: string) => [
  eventOf('udp:block_race_winner', { node, blockHash: '0a'.repeat(32), winner: FIBRE }),
  eventOf('validation:block_connected', { node, blockHash: '0a'.repeat(32), height: 900_000, durationNs: 120e6 }),
]

it('ends all series of a node that is forgotten, and starts them at 0 when it comes back', async () => {
  const { nodes, hit, scrape } = await openPage({ nodes: ['a', 'b'] })
  hit(...delivered('a'), ...delivered('b'))
  const connected = async (node: string) => (await scrape()).value('bitcoin_blocks_connected_total', { node })
  expect([await connected('a'), await connected('b')]).toEqual([1, 1])
  const shown = async () => [...new Set((await scrape()).samples.flatMap(({ labels }) => labels.node ?? []))].sort()
  expect(await shown()).toEqual(['a', 'b'])

  nodes.remove('b')
  expect(await shown()).toEqual(['a'])
  expect(await connected('a')).toBe(1)

  nodes.add('b')
  expect(await connected('b')).toBe(0)
  hit(...delivered('b'))
  expect([await connected('a'), await connected('b')]).toEqual([1, 1])
})
