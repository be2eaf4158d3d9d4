import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '../../../../agent/blocks/record.ts'
import { BIP152, eventOf, FIBRE, timesAre, winnerIs } from '../events.ts'
import { type BlockHeader, block, blocktxn, chainOf, cmpctblock, getblocktxn, headers, messageEvent, told } from './messages.ts'
import { type AnyEvent, connection, startRelay } from './start.ts'

const [header, other, third] = chainOf(3) as [BlockHeader, BlockHeader, BlockHeader]

/** The record of a block of these events, with the fields that messages tell. */
function recordFrom(...events: readonly AnyEvent[]): Partial<BlockRecord> {
  const relay = startRelay()
  relay.observe(...events)
  relay.advance(1000)
  return relay.record(header) ?? {}
}

const stagesOf = (record: Partial<BlockRecord>) =>
  Object.fromEntries(
    [
      'announced_to_received_ms',
      'received_to_requested_ms',
      'round_trip_ms',
      'received_to_validation_ms',
      'validation_ms',
      'connected_to_told_ms',
    ].flatMap((name) => (name in record ? [[name, record[name as keyof BlockRecord] as number]] : [])),
  )

it('a block that a peer sent unasked, and that took no more', () => {
  const record = recordFrom(
    cmpctblock(header, { at: 10, peer: 3, size: 14_321 }),
    headers(header, { at: 10.0124, peer: 9 }),
    connection(header, { at: 10.1, took: 0.08 }),
    told(header, { at: 10.1015, peer: 5 }),
    headers(header, { at: 10.25, peer: 4 }),
  )
  expect(record).toEqual({
    schema: 1,
    time: '1970-01-01T00:00:10.100000Z',
    node: 'n',
    block_hash: header.hash,
    path: 'compact_block',
    coverage: 'none',
    connected_at: '1970-01-01T00:00:10.100000Z',
    connect_ms: 80,
    announced_at: '1970-01-01T00:00:10.000000Z',
    announced_by: 'peer=3',
    announced_message: 'cmpctblock',
    announcers: 3,
    announced_later: 'peer=9 12.4, peer=4 250',
    compact_block_at: '1970-01-01T00:00:10.000000Z',
    compact_block_peer: 'peer=3',
    compact_block_bytes: 14_321,
    told_at: '1970-01-01T00:00:10.101500Z',
    told_peer: 'peer=5',
    announced_to_received_ms: 0,
    received_to_validation_ms: 20,
    validation_ms: 80,
    connected_to_told_ms: 1.5,
    first_sign_to_connected_ms: 100,
    first_sign_to_told_ms: 101.5,
    slowest_stage: 'validation',
  })
})

it('a block whose compact block was asked for, and took a round trip', () => {
  const record = recordFrom(
    headers(header, { at: 10, peer: 3 }),
    cmpctblock(header, { at: 10.03, peer: 3 }),
    getblocktxn(header, 12, { at: 10.032, peer: 3 }),
    told(header, { at: 10.09, peer: 5 }), // a high-bandwidth peer, told before the block is validated
    blocktxn(header, 5678, { at: 10.0925, peer: 3 }),
    connection(header, { at: 10.15, took: 0.05 }),
  )
  expect(record).toMatchObject({
    path: 'compact_block_round_trip',
    announced_message: 'headers',
    announcers: 1,
    compact_block_at: '1970-01-01T00:00:10.030000Z',
    requested_at: '1970-01-01T00:00:10.032000Z',
    requested_transactions: 12,
    requested_received_at: '1970-01-01T00:00:10.092500Z',
    requested_bytes: 5678,
    told_at: '1970-01-01T00:00:10.090000Z',
    first_sign_to_connected_ms: 150,
    first_sign_to_told_ms: 90,
    slowest_stage: 'round_trip',
  })
  expect(record).not.toHaveProperty('joined_stages')
  expect(record).not.toHaveProperty('announced_later')
  expect(stagesOf(record)).toEqual({
    announced_to_received_ms: 30,
    received_to_requested_ms: 2,
    round_trip_ms: 60.5,
    received_to_validation_ms: 7.5,
    validation_ms: 50,
  })
})

it('a block that came whole', () => {
  const record = recordFrom(
    headers(header, { at: 10, peer: 3 }),
    block(header, { at: 12, peer: 3, size: 1_234_567 }),
    connection(header, { at: 12.5, took: 0.4 }),
  )
  expect(record).toMatchObject({
    path: 'full_block',
    full_block_at: '1970-01-01T00:00:12.000000Z',
    full_block_bytes: 1_234_567,
    slowest_stage: 'announced_to_received',
  })
  expect(stagesOf(record)).toEqual({ announced_to_received_ms: 2000, received_to_validation_ms: 100, validation_ms: 400 })
})

describe('the message by which a block came is the one that completed it', () => {
  const [compact, request, transactions] = [
    cmpctblock(header, { at: 10 }),
    getblocktxn(header, 3, { at: 11 }),
    blocktxn(header, 900, { at: 12 }),
  ]
  it.each([
    ['compact_block', [compact]],
    ['compact_block', [compact, cmpctblock(header, { at: 13, peer: 2 })]],
    // The second peer's compact block needed nothing more, while the first was asked.
    ['compact_block', [compact, request, cmpctblock(header, { at: 13, peer: 2 })]],
    // The second peer's lacked some too, and was not asked.
    ['compact_block_round_trip', [compact, request, cmpctblock(header, { at: 11.5, peer: 2 }), transactions]],
    ['compact_block_round_trip', [compact, request, transactions, cmpctblock(header, { at: 13, peer: 2 })]],
    ['compact_block_round_trip', [compact, request, transactions]],
    ['compact_block_round_trip', [compact, cmpctblock(header, { at: 11, peer: 2 }), request, transactions]],
    ['full_block', [compact, request, transactions, block(header, { at: 13 })]],
    ['full_block', [block(header, { at: 13 })]],
    // What comes after it was connected is late.
    ['compact_block', [compact, block(header, { at: 21 }), getblocktxn(header, 3, { at: 22 }), blocktxn(header, 900, { at: 23 })]],
    // Asked for, but nothing that would complete it was seen.
    ['unknown', [compact, request]],
    ['unknown', [headers(header, { at: 10 })]],
  ])('%s', (path, messages) => {
    expect(recordFrom(...messages, connection(header, { at: 20 }))).toMatchObject({ path })
  })

  it('and of compact blocks that needed nothing the first, or, where another peer was asked, the last', () => {
    const compact = [20, 10, 15].map((at, index) => cmpctblock(header, { at, peer: index + 1 }))
    expect(recordFrom(...compact, connection(header, { at: 21 }))).toMatchObject({ path: 'compact_block', compact_block_peer: 'peer=2' })
    const asked = getblocktxn(header, 3, { at: 11, peer: 2 })
    expect(recordFrom(asked, ...compact, connection(header, { at: 21 }))).toMatchObject({
      path: 'compact_block',
      compact_block_peer: 'peer=1',
    })
  })

  it('unless bitcoind says that FIBRE brought it', () => {
    const relay = [cmpctblock(header, { at: 10 }), connection(header, { at: 20 })]
    expect(recordFrom(...relay, winnerIs(header.hash, FIBRE, 20), timesAre(header.hash, 11_000, 10_000, 20))).toMatchObject({
      path: 'fibre_udp',
    })
    expect(recordFrom(...relay, winnerIs(header.hash, BIP152, 20), timesAre(header.hash, 1, 10_000, 20))).toMatchObject({
      path: 'compact_block',
    })
  })
})

describe('a block of which no message came', () => {
  it('was mined here, also if others are told of it and then announce it', () => {
    const mined = connection(header, { at: 20 })
    expect(recordFrom(mined)).toMatchObject({ path: 'mined_here' })
    expect(recordFrom(told(header, { at: 19.9 }), mined, headers(header, { at: 20.1 }))).toMatchObject({
      path: 'mined_here',
      announcers: 1,
    })
  })

  it('was not mined here if FIBRE brought part of it', () => {
    const coinbase = eventOf('udp:block_coinbase', { blockHash: header.hash, stampNs: 19e9 })
    expect(recordFrom(coinbase, connection(header, { at: 20 }))).toMatchObject({ path: 'unknown' })
  })

  it('is not said to be mined here within 5 s after messages began to be seen', () => {
    const { blocks, observe, advance, record } = startRelay()
    blocks.messagesVisible = false
    blocks.messagesVisible = true
    advance(15.1)
    observe(connection(header, { at: 20 }), connection(other, { at: 20.2 }))
    advance(30)
    expect([record(header)?.path, record(other)?.path]).toEqual(['no_race', 'mined_here'])
  })
})

describe('where events were lost', () => {
  it('nothing is said of the path of a block to which some may belong', () => {
    const { blocks, observe, advance, record } = startRelay()
    observe(cmpctblock(header, { at: 10 }), connection(other, { at: 10.5 }))
    blocks.excuseOpen(11e9)
    observe(connection(header, { at: 12 }), cmpctblock(third, { at: 13 }), connection(third, { at: 14 }))
    advance(30)
    expect([header, other, third].map((one) => record(one)?.path)).toEqual(['unknown', 'unknown', 'compact_block'])
    expect(record(header)).toMatchObject({ announced_by: 'peer=1', compact_block_peer: 'peer=1' })
  })
})

describe('stages', () => {
  it('between which nothing is known are joined, and that is said', () => {
    const record = recordFrom(cmpctblock(header, { at: 10 }), blocktxn(header, 900, { at: 10.05 }), connection(header, { at: 10.2 }))
    expect(stagesOf(record)).toEqual({ announced_to_received_ms: 0, round_trip_ms: 50, validation_ms: 150 })
    expect(record).toMatchObject({
      joined_stages: 'received_to_requested+round_trip, received_to_validation+validation',
      slowest_stage: 'received_to_validation+validation',
    })
  })

  it('are joined where validation would have begun before the block was there', () => {
    const record = recordFrom(cmpctblock(header, { at: 10 }), connection(header, { at: 10.2, took: 0.3 }))
    expect(record).toMatchObject({ validation_ms: 200, joined_stages: 'received_to_validation+validation' })
  })

  it('add up to the whole to the microsecond', () => {
    for (let round = 0; round < 500; round++) {
      const at = (step: number) => 10 + (step * 7919 * (round + 1)) / 1e8 + round / 3e7
      const record = recordFrom(
        headers(header, { at: at(1) }),
        cmpctblock(header, { at: at(2) }),
        getblocktxn(header, 3, { at: at(3) }),
        blocktxn(header, 900, { at: at(4) }),
        connection(header, { at: at(6), took: at(6) - at(5) }),
        told(header, { at: at(7) }),
      )
      const us = (ms: number | undefined) => Math.round(Number(ms) * 1e3)
      const sum = Object.values(stagesOf(record)).reduce((total, ms) => total + us(ms), 0)
      expect(Object.keys(stagesOf(record))).toHaveLength(6)
      expect(sum).toBe(us(record.first_sign_to_told_ms))
      expect(sum - us(record.connected_to_told_ms)).toBe(us(record.first_sign_to_connected_ms))
    }
  })
})

describe('announcements', () => {
  const lags = (relay: Pick<ReturnType<typeof startRelay>, 'announcements'>) =>
    relay.announcements.map(({ message, lagSeconds }) => [message, lagSeconds])

  it('count once for each peer, when the block is connected and as long as peers go on', () => {
    const relay = startRelay()
    relay.observe(headers(header, { at: 10, peer: 1 }), cmpctblock(header, { at: 10.5, peer: 1 }), cmpctblock(header, { at: 11, peer: 2 }))
    expect(relay.announcements).toEqual([])
    relay.observe(connection(header, { at: 12 }), headers(header, { at: 12.25, peer: 3 }), headers(header, { at: 12.5, peer: 3 }))
    relay.advance(40)
    expect(relay.milestones(header)).toContain('closed')
    relay.observe(headers(header, { at: 70, peer: 4 }), headers(header, { at: 70.1, peer: 5 }))
    expect(lags(relay)).toEqual([
      ['headers', undefined],
      ['cmpctblock', 1],
      ['headers', 2.25],
      ['headers', 60],
    ])
  })

  it('do not count of a block that is not connected, or was before this agent started', () => {
    const relay = startRelay()
    relay.blocks.remember([other.hash])
    relay.observe(headers(header, { at: 10 }), headers(other, { at: 10 }), connection(other, { at: 11 }))
    relay.advance(1000)
    expect([relay.announcements, relay.told]).toEqual([[], []])
  })

  it('are none while a peer sends the headers of a chain that the node missed', () => {
    const relay = startRelay()
    relay.observe(headers(other, { at: 9, peer: 1, count: 2000 }), headers(header, { at: 10, peer: 1, count: 5 }))
    relay.observe(headers(third, { at: 10, peer: 2, count: 9 }), connection(header, { at: 11 }), connection(third, { at: 11 }))
    relay.observe(headers(header, { at: 12, peer: 2, count: 8 }))
    relay.advance(1000)
    expect(relay.record(header)).not.toHaveProperty('announced_at')
    expect(relay.record(third)).not.toHaveProperty('announced_at')
  })

  it('beyond the sixteenth further one are counted, and not in the record', () => {
    const peers = Array.from({ length: 30 }, (_, index) => index + 1)
    const record = recordFrom(...peers.map((peer) => headers(header, { at: 10 + peer / 1000, peer })), connection(header, { at: 11 }))
    expect(record).toMatchObject({ announcers: 30, announced_by: 'peer=1' })
    expect(record.announced_later?.split(', ')).toEqual(Array.from({ length: 16 }, (_, index) => `peer=${index + 2} ${index + 1}`))
  })
})

describe('a process that has ended', () => {
  /** Restarts the node at that second. */
  function restart({ blocks, advance }: ReturnType<typeof startRelay>, at: number) {
    blocks.processEnded(at * 1e9)
    blocks.messagesVisible = true
    advance(at + 0.1)
  }

  it('has told nothing of a block that the next one connects, whose peers have the same numbers', () => {
    const relay = startRelay()
    relay.observe(cmpctblock(header, { at: 10, peer: 1 }), getblocktxn(header, 3, { at: 10.1, peer: 1 }))
    relay.observe(headers(other, { at: 10.2, peer: 2, count: 2000 }))
    restart(relay, 11)
    relay.observe(headers(header, { at: 12, peer: 2 }), block(header, { at: 12.5, size: 900 }), connection(header, { at: 13 }))
    relay.advance(30)
    expect(relay.record(header)).toMatchObject({ path: 'full_block', announcers: 1, announced_by: 'peer=2', full_block_bytes: 900 })
    expect(relay.record(header)).not.toHaveProperty('compact_block_at')
    expect(relay.announcements).toEqual([{ message: 'headers', lagSeconds: undefined }])
  })

  it('is told nothing of by the next one: that hears of the last block when its peers connect', () => {
    const relay = startRelay()
    relay.observe(cmpctblock(header, { at: 10 }), connection(header, { at: 10.2 }), connection(other, { at: 10.3 }))
    restart(relay, 11)
    relay.observe(headers(header, { at: 12, peer: 2 }), headers(other, { at: 12, peer: 2 }))
    relay.advance(30)
    expect([relay.record(header)?.announcers, relay.record(other)?.announcers]).toEqual([1, undefined])
    expect(relay.announcements).toHaveLength(1)
  })
})

it('a node without these tracepoints tells nothing of what they would', () => {
  const { blocks, observe, advance, record } = startRelay()
  blocks.messagesVisible = false
  observe(messageEvent('tx', Buffer.alloc(60)), connection(header, { at: 20 }))
  advance(30)
  expect(record(header)).toEqual({
    schema: 1,
    time: '1970-01-01T00:00:20.000000Z',
    node: 'n',
    block_hash: header.hash,
    path: 'no_race',
    coverage: 'none',
    connected_at: '1970-01-01T00:00:20.000000Z',
  })
})
