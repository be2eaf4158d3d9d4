import { describe, expect, it } from 'vitest'
import { type BlockRecord, recordOf } from '../../../agent/blocks/record.ts'
import { Node } from '../../../agent/nodes/node.ts'
import type { BlockEvent } from '../../../agent/tracepoints/index.ts'
import { BIP152, connected, eventOf, reconstructed, startBlocks, timesAre, winnerIs } from './events.ts'

it('is said of a connected block 5 s later, and not before', () => {
  const { observe, advance, told } = startBlocks()
  observe(connected('a', 100))
  advance(104.999)
  expect(told).toEqual(['connected a'])
  advance(105)
  expect(told).toEqual(['connected a', 'withoutRace a', 'closed a'])
})

it('is said of a block that was mined here', () => {
  const { observe, advance, told } = startBlocks()
  observe(eventOf('udp:block_send_start', { blockHash: 'a' }), connected('a'))
  advance(5)
  expect(told).toEqual(['connected a', 'withoutRace a', 'closed a'])
})

it.each([
  ['race winner', winnerIs('a', BIP152, 4.9), ['connected a', 'won a', 'closed a']],
  ['race times', timesAre('a', 1, -1, 4.9), ['connected a', 'timed a', 'closed a']],
])('is not said of a block with nothing but its %s', (_, event, expected) => {
  const { observe, advance, told } = startBlocks()
  observe(connected('a'), event)
  advance(5)
  expect(told).toEqual(expected)
})

it('is not said of a block that never connects, which is given up after ten minutes', () => {
  const { observe, advance, told } = startBlocks()
  observe(eventOf('udp:block_reconstructed', { blockHash: 'a' }))
  advance(599.9)
  expect(told).toEqual([])
  advance(600)
  expect(told).toEqual(['closed a'])
})

it('is not said while race times cannot be seen', () => {
  const { blocks, observe, advance, told } = startBlocks()
  blocks.racesVisible = false
  observe(connected('unseen', 0))
  blocks.racesVisible = true
  observe(connected('seen', 1))
  advance(6)
  expect(told).toEqual(['connected unseen', 'connected seen', 'closed unseen', 'withoutRace seen', 'closed seen'])
})

it('is not said of a block that was open while events were lost', () => {
  const { blocks, observe, advance, told } = startBlocks()
  observe(connected('before'))
  blocks.excuseOpen()
  observe(connected('after'))
  advance(5)
  expect(told).toEqual(['connected before', 'connected after', 'closed before', 'withoutRace after', 'closed after'])
})

it('is said again once a node loses no more', () => {
  const told: string[] = []
  const node = new Node('n', (outcome, { hash }) => told.push(`${outcome} ${hash}`))
  node.blocks.observe(connected('before'))
  node.takeLoss('race_time', 3, 0)
  node.blocks.observe(connected('after'))
  node.blocks.advance(5e9)
  expect(told).toEqual(['connected before', 'connected after', 'closed before', 'withoutRace after', 'closed after'])
})

it.each([
  [0.049, ['connected a', 'closed a']],
  [0.051, ['connected a', 'withoutRace a', 'closed a']],
])('is a matter of time when bitcoind ends: %d s after the connection', (seconds, expected) => {
  const { blocks, observe, advance, told } = startBlocks()
  observe(connected('a', 100))
  blocks.processEnded((100 + seconds) * 1e9)
  advance(105)
  expect(told).toEqual(expected)
})

it('is judged by the process that connected the block, though the next one cannot show races', () => {
  const { blocks, observe, advance, told } = startBlocks()
  observe(connected('a'))
  blocks.processEnded(1e9)
  blocks.racesVisible = false
  advance(5)
  expect(told).toEqual(['connected a', 'withoutRace a', 'closed a'])
})

it.each([
  ['winner', winnerIs('a', BIP152, 1), { winner: undefined }],
  ['times', timesAre('a', 1, -1, 1), { udpNs: undefined }],
])('is not said of a block of whose race the %s could not be read', (_, event, unread) => {
  const { observe, advance, told } = startBlocks()
  observe(connected('a'), { ...event, ...unread } as BlockEvent)
  advance(5)
  expect(told).toEqual(['connected a', 'closed a'])
})

describe('the record of a connected block without a race', () => {
  const HASH = 'a'.repeat(64)
  const hit = (probe: BlockEvent['probe'], at: number) =>
    ({
      ...(eventOf(probe, {}) as object),
      blockHash: HASH,
      hashPrefix: 'a'.repeat(16),
      probe,
      stampNs: at * 1e9,
    }) as unknown as BlockEvent
  function wayOf(...events: readonly BlockEvent[]) {
    const records: BlockRecord[] = []
    const { observe, advance } = startBlocks((outcome, block) => outcome === 'closed' && records.push(recordOf(block)))
    observe(...events)
    advance(1000)
    return records.map(({ path, coverage }) => ({ path, coverage }))
  }

  it('says no_race and none where nothing of a relay was heard', () => {
    const noRace = [{ path: 'no_race', coverage: 'none' }]
    expect(wayOf(connected(HASH, 10))).toEqual(noRace)
    expect(wayOf(hit('udp:block_send_start', 9), connected(HASH, 10))).toEqual(noRace)
    expect(wayOf(connected(HASH, 10), hit('udp:block_header_chunk', 11))).toEqual(noRace)
  })

  it.each(['udp:block_header_chunk', 'udp:block_coinbase', 'udp:block_reconstruction_detail', 'udp:block_reconstructed'] as const)(
    'says neither where %s came before it was connected',
    (probe) => {
      expect(wayOf(hit(probe, 9), connected(HASH, 10))).toEqual([{ path: 'unknown', coverage: undefined }])
    },
  )

  it('says neither of two blocks at one height that FIBRE delivered, of which the second was connected with its child', () => {
    const [one, other] = [HASH, 'b'.repeat(64)]
    const race = [connected(one, 10), winnerIs(one, 'FIBRE/UDP', 10), timesAre(one, 100, -1, 10)]
    const ways = wayOf(reconstructed(one, 9), ...race, reconstructed(other, 11), connected(other, 600))
    expect(ways).toEqual([
      { path: 'fibre_udp', coverage: 'udp_only' },
      { path: 'unknown', coverage: undefined },
    ])
  })
})
