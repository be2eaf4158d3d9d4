import { describe, expect, it } from 'vitest'
import { Blocks } from '../../../agent/blocks/blocks.ts'
import { connected, eventOf, FIBRE, reconstructed, startBlocks, timesAre, winnerIs } from './events.ts'
import { usedHeap } from './heap.ts'

const OPEN = 4096
/** Room is made for this many at once. */
const TOGETHER = 32
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

it('keeps at most 512 blocks of which all is known for what may come late, and closes the first of them for others', () => {
  const { observe, advance, told } = startBlocks()
  const closed = () => told.filter((line) => line.startsWith('closed'))
  for (const hash of hashes.slice(0, 514)) observe(connected(hash), winnerIs(hash, FIBRE), timesAre(hash, 2, 1))
  expect(closed()).toEqual(hashes.slice(0, TOGETHER).map((hash) => `closed ${hash}`))
  advance(1)
  expect(closed()).toHaveLength(514)
})

it('counts each of 10,000 blocks that are connected within a second, as in initial block download', () => {
  const { observe, advance, told } = startBlocks()
  for (const [i, hash] of hashes.entries()) observe(connected(hash, i / hashes.length))
  advance(6)
  const caughtUp = told.filter((line) => line.startsWith('caughtUp'))
  expect(tally(told)).toMatchObject({ withoutRace: 0, closed: 0 })
  expect(new Set(caughtUp).size).toBe(hashes.length)
})

it('says nothing of blocks that have to make room if events were lost while they were open', () => {
  const told: string[] = []
  const blocks = new Blocks('n', (outcome) => told.push(outcome))
  for (const hash of hashes.slice(0, 4096)) blocks.observe(connected(hash))
  blocks.excuseOpen()
  for (const hash of hashes.slice(4096, 8000)) blocks.observe(connected(hash))
  expect(new Set(told)).toEqual(new Set(['connected', 'closed']))
})

it('remembers a block through 4,000 others that come after it', () => {
  const { observe, advance, told } = startBlocks()
  const events = (hash: string) => [connected(hash), winnerIs(hash, FIBRE), timesAre(hash, 2, 1)]
  observe(...events('a'))
  for (const hash of hashes.slice(0, 4000)) observe(...events(hash))
  advance(1)
  observe(...events('a'))
  expect(told.filter((line) => line === 'won a')).toHaveLength(1)
})

it('forgets a block at last, since hashes that are remembered take memory', () => {
  const { observe, advance, told } = startBlocks()
  observe(connected('a'), winnerIs('a', FIBRE), timesAre('a', 2, 1))
  for (const hash of hashes) observe(connected(hash), winnerIs(hash, FIBRE), timesAre(hash, 2, 1))
  advance(1)
  observe(winnerIs('a', FIBRE))
  expect(told.filter((line) => line === 'won a')).toHaveLength(2)
})

it('waits for as long as it is told to for a block to be connected', () => {
  const told: string[] = []
  const blocks = new Blocks('n', (outcome) => told.push(outcome), { connectWaitNs: 3e9 })
  blocks.observe(reconstructed('a', 10))
  blocks.advance(12.9e9)
  expect(told).toEqual([])
  blocks.advance(13e9)
  expect(told).toEqual(['closed'])
})

describe('header chunks that match nothing', () => {
  const anyChunk = eventOf('udp:block_header_chunk', { queueUs: 1 })
  const anyBlock = reconstructed('any')
  const headerChunk = (hashPrefix: string) => ({ ...anyChunk, hashPrefix })
  const prefixes = Array.from({ length: 100_000 }, (_, i) => i.toString(16).padStart(16, '0'))

  it('are forgotten, the oldest first', () => {
    const joined: string[] = []
    const { observe, advance } = startBlocks((outcome, { hash, events }) => {
      if (outcome === 'closed' && events['udp:block_header_chunk']) joined.push(hash)
    })
    observe(...prefixes.map(headerChunk))
    const hashOf = (prefix = '') => prefix.padStart(64, '0')
    const kept = [prefixes.at(-1024), prefixes.at(-1)].map(hashOf)
    const forgotten = [prefixes.at(0), prefixes.at(-1025)].map(hashOf)
    observe(...[...forgotten, ...kept].map((hash) => connected(hash)))
    advance(5)
    expect(joined).toEqual(kept)
  })

  it('cost no memory that grows with their number, nor do blocks that are never connected', { timeout: 30_000 }, () => {
    const blocks = new Blocks('n', () => {})
    const hear = (from: number, to: number) => {
      for (const prefix of prefixes.slice(from, to)) {
        blocks.observe(headerChunk(`f${prefix.slice(1)}`))
        blocks.observe({ ...anyBlock, blockHash: prefix.padStart(64, '0') })
      }
      return usedHeap()
    }
    const atFirst = hear(0, 20_000)
    expect(hear(20_000, 100_000) - atFirst).toBeLessThan(2e6)
  })
})
