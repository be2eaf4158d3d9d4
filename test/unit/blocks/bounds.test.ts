import { expect, it } from 'vitest'
import { Blocks } from '../../../agent/blocks/blocks.ts'
import { connected, eventOf, FIBRE, startBlocks, timesAre, winnerIs } from './events.ts'

const OPEN = 4096
/** Room is made for this many at once. */
const TOGETHER = 256
const hashes = Array.from({ length: 10_000 }, (_, i) => `hash ${i}`)

const givenUp = Math.ceil((hashes.length - OPEN) / TOGETHER) * TOGETHER

const tally = (told: readonly string[]) => {
  const of = (outcome: string) => told.filter((line) => line.startsWith(outcome)).length
  return { withoutRace: of('withoutRace'), closed: of('closed'), different: new Set(told).size }
}

it('keeps at most 4,096 blocks of which nothing more is heard, and gives up the oldest for others', () => {
  const { observe, advance, told } = startBlocks()
  for (const blockHash of hashes) observe(eventOf('udp:block_reconstructed', { blockHash }))
  expect(tally(told)).toMatchObject({ withoutRace: 0, closed: givenUp })
  expect(told[0]).toBe('closed hash 0')
  advance(600)
  expect(tally(told)).toEqual({ withoutRace: 0, closed: hashes.length, different: hashes.length })
})

it('counts each of 10,000 blocks that are connected within a second, as in initial block download', () => {
  const { observe, advance, told } = startBlocks()
  for (const [i, hash] of hashes.entries()) observe(connected(hash, i / hashes.length))
  expect(tally(told)).toMatchObject({ withoutRace: givenUp, closed: givenUp })
  advance(6)
  expect(tally(told)).toEqual({ withoutRace: hashes.length, closed: hashes.length, different: 2 * hashes.length })
})

it('says nothing of blocks that have to make room if events were lost while they were open', () => {
  const told: string[] = []
  const blocks: Blocks = new Blocks(
    'n',
    (outcome) => told.push(outcome),
    () => blocks.excuseOpen(),
  )
  for (const hash of hashes) blocks.observe(connected(hash))
  expect(new Set(told)).toEqual(new Set(['closed']))
})

it('remembers a block through 4,000 others that come after it', () => {
  const { observe, told } = startBlocks()
  const events = (hash: string) => [connected(hash), winnerIs(hash, FIBRE), timesAre(hash, 2, 1)]
  observe(...events('a'))
  for (const hash of hashes.slice(0, 4000)) observe(...events(hash))
  observe(...events('a'))
  expect(told.filter((line) => line === 'won a')).toHaveLength(1)
})

it('forgets a block at last, since hashes that are remembered take memory', () => {
  const { observe, told } = startBlocks()
  observe(connected('a'), winnerIs('a', FIBRE), timesAre('a', 2, 1))
  for (const hash of hashes) observe(connected(hash), winnerIs(hash, FIBRE), timesAre(hash, 2, 1))
  observe(winnerIs('a', FIBRE))
  expect(told.filter((line) => line === 'won a')).toHaveLength(2)
})
