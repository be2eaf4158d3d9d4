import { expect, it } from 'vitest'
import { connected, eventOf, FIBRE, startBlocks, timesAre, winnerIs } from './events.ts'

const OPEN = 4096
const hashes = Array.from({ length: 10_000 }, (_, i) => `hash ${i}`)

const tally = (told: readonly string[]) => {
  const of = (outcome: string) => told.filter((line) => line.startsWith(outcome)).length
  return { withoutRace: of('withoutRace'), closed: of('closed'), different: new Set(told).size }
}

it('keeps 4,096 blocks of which nothing more is heard, and gives up the oldest for another', () => {
  const { observe, advance, told } = startBlocks()
  for (const blockHash of hashes) observe(eventOf('udp:block_reconstructed', { blockHash }))
  expect(tally(told)).toMatchObject({ withoutRace: 0, closed: hashes.length - OPEN })
  expect(told[0]).toBe('closed hash 0')
  advance(600)
  expect(tally(told)).toEqual({ withoutRace: 0, closed: hashes.length, different: hashes.length })
})

it('counts each of 10,000 blocks that are connected within a second, as in initial block download', () => {
  const { observe, advance, told } = startBlocks()
  for (const [i, hash] of hashes.entries()) observe(connected(hash, i / hashes.length))
  expect(tally(told)).toMatchObject({ withoutRace: hashes.length - OPEN, closed: hashes.length - OPEN })
  advance(6)
  expect(tally(told)).toEqual({ withoutRace: hashes.length, closed: hashes.length, different: 2 * hashes.length })
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
