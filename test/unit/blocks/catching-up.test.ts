import { describe, expect, it } from 'vitest'
import { BIP152, eventOf, hashOf, timesAre, winnerIs } from './events.ts'
import { type BlockHeader, block, chainOf, cmpctblock, headers, told } from './relay/messages.ts'
import { type AnyEvent, connection, startRelay } from './relay/start.ts'

const named = (number: number) => ({ hash: hashOf(number) }) as BlockHeader
const count = (told: readonly (readonly [string, string])[], milestone: string) => told.filter(([other]) => other === milestone).length

/** Blocks that are connected one after another, each with what came of it before. */
function connectEach(
  blocks: readonly BlockHeader[],
  everySeconds: number,
  before: (block: BlockHeader, at: number) => readonly AnyEvent[] = () => [],
) {
  const relay = startRelay()
  for (const [index, one] of blocks.entries()) {
    const at = 10 + index * everySeconds
    relay.observe(...before(one, at - 0.01), connection(one, { at }))
    if (Math.floor(at) > Math.floor(at - everySeconds)) relay.advance(at)
  }
  relay.advance(15.1 + blocks.length * everySeconds)
  return relay
}

it('20,000 blocks at 3,000/s are counted, and told of in no other way; the next block that peers relay is news', () => {
  const blocks = Array.from({ length: 20_000 }, (_, index) => named(index))
  const { told, catchUps, observe, advance, milestones, blocks: state } = connectEach(blocks, 1 / 3000)
  expect(count(told, 'caughtUp')).toBe(20_000)
  expect(['withoutRace', 'closed', 'competing', 'reorganised'].map((milestone) => count(told, milestone))).toEqual([0, 0, 0, 0])
  expect(state.isCatchingUp).toBe(true)
  expect(catchUps.map(([phase]) => phase)).toEqual(['begun'])

  const [news] = chainOf(1) as [BlockHeader]
  observe(cmpctblock(news, { at: 20 }), connection(news, { at: 20.1 }))
  advance(30)
  expect(milestones(news)).toEqual(['connected', 'withoutRace', 'closed'])
  expect(state.isCatchingUp).toBe(false)
  expect(catchUps[1]).toEqual(['ended', { firstNs: 10e9, lastNs: 10e9 + Math.round((19_999 / 3000) * 1e9), blocks: 20_000 }])

  // Of a branch that the node changes to, peers announce the tip alone.
  const branch = [30, 30.1, 30.2].map((at, index) => connection(named(30_000 + index), { at }))
  observe(...branch)
  advance(40)
  expect(count(told, 'caughtUp')).toBe(20_000)
  expect(count(told, 'closed')).toBe(4)
})

it('it is over once no such block was connected for a minute, if none is news', () => {
  const {
    catchUps,
    advance,
    blocks: state,
  } = connectEach(
    Array.from({ length: 20 }, (_, index) => named(index)),
    0.01,
  )
  advance(70)
  expect(state.isCatchingUp).toBe(true)
  advance(70.3)
  expect(state.isCatchingUp).toBe(false)
  expect(catchUps[1]).toEqual(['ended', { firstNs: 10e9, lastNs: 10.19e9, blocks: 20 }])
})

it('blocks of a download that come as whole messages are caught up, whose headers came by the thousand', () => {
  const chain = chainOf(500)
  const { told } = connectEach(chain, 0.01, (one, at) => [
    ...(one === chain[0] ? [headers(one, { at, count: 2000 })] : []),
    block(one, { at }),
  ])
  expect(count(told, 'caughtUp')).toBe(500)
  expect(count(told, 'closed')).toBe(0)
})

it('blocks ten minutes apart that nobody was heard to relay are told of as they come, however many there were before', () => {
  const relay = startRelay()
  for (let index = 0; index < 30; index++) {
    const at = 10 + index * 600
    relay.observe(connection(named(index), { at }))
    for (const seconds of [1, 5.1, 10]) relay.advance(at + seconds)
    expect(count(relay.told, 'withoutRace')).toBe(index + 1)
    expect(count(relay.told, 'closed')).toBe(index + 1)
  }
  expect(relay.catchUps).toEqual([])
})

describe('blocks every 0.3 s are news', () => {
  it.each<readonly [string, (one: BlockHeader, at: number) => readonly AnyEvent[]]>([
    ['that come as compact blocks', (one, at) => [cmpctblock(one, { at })]],
    ['that are announced by headers', (one, at) => [headers(one, { at }), block(one, { at })]],
    ['that FIBRE brings', ({ hash }, at) => [eventOf('udp:block_reconstructed', { blockHash: hash, stampNs: at * 1e9 })]],
    ['that are sent on, so mined here', ({ hash }, at) => [eventOf('udp:block_send_start', { blockHash: hash, stampNs: at * 1e9 })]],
    ['of which peers are told, so mined here', (one, at) => [told(one, { at })]],
  ])('%s', (_, before) => {
    const { told, catchUps, advance } = connectEach(chainOf(100), 0.3, before)
    advance(100)
    expect([count(told, 'caughtUp'), count(told, 'closed')]).toEqual([0, 100])
    expect(catchUps).toEqual([])
  })

  it('of which peers are told just after they are connected, and that no peer sent', () => {
    for (const isSent of [false, true]) {
      const relay = startRelay()
      for (const [index, one] of chainOf(100).entries()) {
        const at = 10 + index * 0.3
        relay.observe(...(isSent ? [block(one, { at: at - 0.1 })] : []), connection(one, { at }), told(one, { at: at + 0.02 }))
      }
      relay.advance(100)
      expect([count(relay.told, 'caughtUp'), count(relay.told, 'closed')]).toEqual(isSent ? [100, 0] : [0, 100])
    }
  })

  it('of which nothing is seen but the race that follows', () => {
    const relay = startRelay()
    for (let index = 0; index < 100; index++) {
      const at = 10 + index * 0.3
      relay.observe(
        connection(named(index), { at }),
        winnerIs(hashOf(index), BIP152, at + 0.002),
        timesAre(hashOf(index), -1, 5, at + 0.003),
      )
    }
    relay.advance(100)
    expect([count(relay.told, 'caughtUp'), count(relay.told, 'closed')]).toEqual([0, 100])
  })
})

describe('ten blocks within a minute', () => {
  it.each([
    [10, 60 / 9, 10],
    [9, 1, 0],
    [30, 6.7, 0], // ten take 60.3 s
  ])('%d blocks every %d s: %d caught up', (blocks, everySeconds, expected) => {
    const relay = startRelay()
    for (let index = 0; index < blocks; index++) relay.observe(connection(named(index), { at: 10 + index * everySeconds }))
    relay.advance(10 + blocks * everySeconds)
    expect(count(relay.told, 'caughtUp')).toBe(expected)
  })

  it('are too late for those of them that were told of already', () => {
    const { told, milestones } = connectEach(
      Array.from({ length: 12 }, (_, index) => named(index)),
      5,
    )
    expect(milestones(named(0))).toEqual(['connected', 'withoutRace', 'closed'])
    expect(count(told, 'closed') + count(told, 'caughtUp')).toBe(12)
    expect(count(told, 'caughtUp')).toBeGreaterThanOrEqual(3)
  })
})

it('blocks that were open while events were lost are not taken for a chain that was missed', () => {
  const { blocks, observe, advance, told } = startRelay()
  observe(...Array.from({ length: 20 }, (_, index) => connection(named(index), { at: 10 })))
  blocks.excuseOpen(10.01e9)
  advance(100)
  expect([count(told, 'caughtUp'), count(told, 'closed')]).toEqual([0, 20])
})

it('a slow download is one, as long as a block comes each minute', () => {
  const { catchUps, blocks, advance } = connectEach(
    Array.from({ length: 40 }, (_, index) => named(index)),
    4,
  )
  expect(blocks.isCatchingUp).toBe(true)
  advance(10 + 39 * 4 + 60.1)
  expect(catchUps.map(([phase]) => phase)).toEqual(['begun', 'ended'])
})

it('ends with the agent, which tells of it', () => {
  const { blocks, catchUps } = connectEach(
    Array.from({ length: 40 }, (_, index) => named(index)),
    0.1,
  )
  blocks.close()
  expect(catchUps.at(-1)).toEqual(['ended', { firstNs: 10e9, lastNs: 13.9e9, blocks: 40 }])
})
