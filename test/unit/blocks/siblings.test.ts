import { describe, expect, it } from 'vitest'
import { eventOf, hashOf } from './events.ts'
import { type BlockHeader, block, chainOf, cmpctblock, getblocktxn, headerAfter, headers } from './relay/messages.ts'
import { type AnyEvent, connection, startRelay } from './relay/start.ts'

/** A chain up to height 104, and a branch of it from height 102 on. */
const chain = chainOf(5)
const [first, second, third, fourth, fifth] = chain as readonly BlockHeader[] as [
  BlockHeader,
  BlockHeader,
  BlockHeader,
  BlockHeader,
  BlockHeader,
]
const branch = chainOf(5, second.hash, 1) as readonly BlockHeader[] as [BlockHeader, BlockHeader, BlockHeader, BlockHeader, BlockHeader]
const heightOf = (one: BlockHeader) => (chain.includes(one) ? 100 + chain.indexOf(one) : 102 + branch.indexOf(one))

/** A node that connected these blocks, one each ten minutes from second 1000 on, and their headers seen if so. */
function nodeWith(blocks: readonly BlockHeader[], { isSeen = true } = {}) {
  const relay = startRelay()
  for (const [index, one] of blocks.entries()) {
    const at = 1000 + 600 * index
    relay.observe(...(isSeen ? [cmpctblock(one, { at: at - 0.1 })] : []), connection(one, { at, height: heightOf(one) }))
    relay.advance(at + 10)
  }
  return relay
}
/** Connects a branch within some ms, from second 5000 on. */
const connectAtOnce = (blocks: readonly BlockHeader[]) =>
  blocks.map((one, index) => connection(one, { at: 5000 + 0.02 * index, took: 0.01, height: heightOf(one) }))

const siblings = (told: readonly (readonly [string, string])[]) => told.filter(([milestone]) => /competing|reorg|overdue/.test(milestone))

describe('a reorganisation', () => {
  it('has the depth of the blocks that left the chain, told with the first block that took their place', () => {
    const { observe, advance, told, record } = nodeWith([first, second, third, fourth])
    observe(...connectAtOnce(branch.slice(0, 3)))
    advance(5010)
    expect(siblings(told)).toEqual([
      ['competing', branch[0].hash],
      ['competing', branch[1].hash],
      ['reorganised', branch[0].hash],
    ])
    expect(record(branch[0])).toMatchObject({ reorganisation_depth: 2, competes_with: third.hash, height: 102 })
    expect(record(branch[1])).toMatchObject({ competes_with: fourth.hash })
    expect(record(branch[2])).not.toHaveProperty('competes_with')
    for (const one of [branch[1], branch[2], first]) expect(record(one)).not.toHaveProperty('reorganisation_depth')
  })

  it('is told at once where the header was seen and shows that it follows a block of both chains', () => {
    const { observe, told } = nodeWith([first, second, third])
    observe(cmpctblock(branch[0], { at: 4000 }))
    expect(siblings(told)).toEqual([['competing', branch[0].hash]])
    observe(connection(branch[0], { at: 5000, height: 102 }))
    expect(siblings(told).slice(1)).toEqual([['reorganised', branch[0].hash]])
  })

  it('is told again when the node changes back, and of blocks that were closed long ago', () => {
    const { observe, advance, told } = nodeWith([first, second, third])
    observe(...connectAtOnce(branch.slice(0, 2)))
    advance(6000)
    observe(cmpctblock(fourth, { at: 6500 }), cmpctblock(fifth, { at: 6500 }))
    observe(...[third, fourth, fifth].map((one, index) => connection(one, { at: 7000 + 0.02 * index, height: heightOf(one) })))
    expect(told.filter(([milestone]) => milestone === 'reorganised')).toEqual([
      ['reorganised', branch[0].hash],
      ['reorganised', third.hash],
    ])
    expect(told.filter(([milestone, hash]) => milestone === 'connected' && hash === third.hash)).toHaveLength(1)
  })

  it.each([
    [
      'blocks that are connected again after a crash',
      [second, third, fourth].map((one) => connection(one, { at: 5000, height: heightOf(one) })),
    ],
    ['the next block', [connection(branch[0], { at: 5000, height: 104 })]],
    [
      'another chain in its place, which grows block by block',
      branch.map((one, index) => connection(one, { at: 5000 + index, took: 0.01, height: heightOf(one) })),
    ],
    ['a chain from the beginning', [1, 2, 3].map((height) => connection(branch[height] as BlockHeader, { at: 5000, height }))],
    ['a block whose height could not be read', [connection(branch[0], { at: 5000 })]],
  ])('is not %s', (_, events) => {
    const { observe, advance, told } = nodeWith([first, second, third, fourth], { isSeen: false })
    observe(...events)
    advance(6000)
    expect(siblings(told)).toEqual([])
  })
})

it('a height that no chain has costs no time', () => {
  const { observe, told } = nodeWith([first, second], { isSeen: false })
  const heights = [1e300, 1e21, 1e300, Number.MAX_SAFE_INTEGER, 101.5, -1, 2 ** 31, 2 ** 31 - 1, 100, 2 ** 31 - 289, Number.NaN]
  observe(...heights.map((height, index) => connection({ hash: hashOf(index) } as BlockHeader, { at: 3000, height })))
  expect(told.filter(([milestone]) => milestone === 'connected')).toHaveLength(2 + heights.length)
})

describe('a block at the height of another', () => {
  it('is told of once, by its header, and has a record though it is never connected', () => {
    const { observe, advance, told, record } = nodeWith([first, second, third])
    observe(
      headers(branch[0], { at: 3000, peer: 1 }),
      cmpctblock(branch[0], { at: 3000.1, peer: 2 }),
      cmpctblock(third, { at: 3001, peer: 3 }),
    )
    advance(4000)
    expect(siblings(told)).toEqual([['competing', branch[0].hash]])
    expect(record(branch[0])).toMatchObject({
      time: '1970-01-01T00:50:00.000000Z',
      path: 'unknown',
      competes_with: third.hash,
      announced_by: 'peer=1',
    })
  })

  it('is told of where FIBRE brings it', () => {
    const { observe, advance, told } = nodeWith([first, second, third], { isSeen: false })
    observe(eventOf('udp:block_reconstructed', { blockHash: branch[0].hash, height: 102, stampNs: 3000e9 }))
    advance(4000)
    expect(siblings(told)).toEqual([['competing', branch[0].hash]])
  })

  it.each([
    ['whose predecessor is not known', headerAfter(hashOf(7))],
    ['which lacks the work it claims', { ...headerAfter(second.hash, 9), bytes: withBits(headerAfter(second.hash, 9).bytes, 0x1d00ffff) }],
  ])('is not believed %s', (_, header) => {
    const { observe, advance, told } = nodeWith([first, second, third])
    observe(cmpctblock(header, { at: 3000 }))
    advance(4000)
    expect(siblings(told)).toEqual([])
  })

  it('is not told of far below the tip', () => {
    const { observe, advance, told } = nodeWith([first, second, third])
    observe(
      ...Array.from({ length: 8 }, (_, index) => connection({ hash: hashOf(index) } as BlockHeader, { at: 2900, height: 103 + index })),
    )
    observe(cmpctblock(headerAfter(first.hash, 5), { at: 3000 }))
    advance(4000)
    expect(siblings(told)).toEqual([])
  })
})

function withBits(bytes: Buffer, bits: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt32LE(bits, 72)
  return copy
}

describe('a header without its block', () => {
  it('is told of after a minute, and in the record, also if the block comes later', () => {
    const { observe, advance, told, record } = nodeWith([first, second, third])
    observe(headers(fourth, { at: 3000 }), headers(fourth, { at: 3030, peer: 2 }))
    advance(3059.9)
    expect(siblings(told)).toEqual([])
    advance(3060)
    advance(3061)
    expect(siblings(told)).toEqual([['overdue', fourth.hash]])
    observe(cmpctblock(fourth, { at: 3100 }), connection(fourth, { at: 3100.5, height: 103 }))
    advance(3200)
    expect(record(fourth)).toMatchObject({ header_without_block: true, path: 'compact_block', announced_at: '1970-01-01T00:50:00.000000Z' })
  })

  it('is one whose transactions were asked for and did not come', () => {
    const { observe, advance, told } = nodeWith([first, second, third])
    observe(cmpctblock(fourth, { at: 3000 }), getblocktxn(fourth, 5, { at: 3000.1 }))
    advance(3060)
    expect(siblings(told)).toEqual([['overdue', fourth.hash]])
  })

  it.each<readonly [string, readonly AnyEvent[]]>([
    ['was connected', [connection(fourth, { at: 3050, height: 103 })]],
    ['was received, though it is not connected', [block(fourth, { at: 3050 })]],
    ['came as a compact block of which nothing was missing', [cmpctblock(fourth, { at: 3050 })]],
    ['was reconstructed by FIBRE', [eventOf('udp:block_reconstructed', { blockHash: fourth.hash, stampNs: 3050e9 })]],
  ])('is not one whose block %s', (_, events) => {
    const { observe, advance, told } = nodeWith([first, second, third])
    observe(headers(fourth, { at: 3000 }), ...events)
    advance(3100)
    expect(told.filter(([milestone]) => milestone === 'overdue')).toEqual([])
  })

  it('is told of though the chain goes on without it, but not if it was behind when it was announced', () => {
    const { observe, advance, told } = nodeWith([first, second, third])
    observe(headers(fourth, { at: 3000 }))
    observe(...[1, 2, 3].map((number) => connection({ hash: hashOf(number) } as BlockHeader, { at: 3030, height: 102 + number })))
    observe(headers(branch[0], { at: 3031 }))
    advance(3200)
    expect(told.filter(([milestone]) => milestone === 'overdue')).toEqual([['overdue', fourth.hash]])
  })

  it('is not told of where events were lost, or the process ended', () => {
    for (const happens of [
      (blocks: ReturnType<typeof startRelay>['blocks']) => blocks.excuseOpen(3010e9),
      (blocks: ReturnType<typeof startRelay>['blocks']) => blocks.processEnded(3010e9),
    ]) {
      const { blocks, observe, advance, told } = nodeWith([first, second, third])
      observe(headers(fourth, { at: 3000 }))
      happens(blocks)
      advance(3100)
      expect(siblings(told)).toEqual([])
    }
  })
})
