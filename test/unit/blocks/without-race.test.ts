import { expect, it } from 'vitest'
import { Node } from '../../../agent/node.ts'
import { BIP152, connected, eventOf, startBlocks, timesAre, winnerIs } from './events.ts'

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
  node.setLost('race_time', 3)
  node.blocks.observe(connected('after'))
  node.setLost('race_time', 3)
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
