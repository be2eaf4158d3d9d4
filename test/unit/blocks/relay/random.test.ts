import { expect, it } from 'vitest'
import { Blocks } from '../../../../agent/blocks/blocks.ts'
import type { MessageEvent } from '../../../../agent/blocks/relay/message.ts'
import fc, { propertyOptions } from '../../../harness/fast-check.ts'
import { usedHeap } from '../heap.ts'
import { type BlockHeader, block, blocktxn, chainOf, cmpctblock, getblocktxn, headers, messageEvent, told } from './messages.ts'
import { connection, startRelay } from './start.ts'

const HEADERS = chainOf(60)
const PEERS = 4

type Kind = 'headers' | 'cmpctblock' | 'getblocktxn' | 'blocktxn' | 'block' | 'told'
/** A message of one block, and its fate: it can be lost, cut, come again, or be overtaken by others. */
interface Sent {
  readonly kind: Kind
  readonly peer: number
  readonly us: number
  readonly isCut: boolean
  /** Arrivals after the time at which it was sent; none if it is lost. */
  readonly delaysUs: readonly number[]
}
interface Relayed {
  readonly connectedUs: number
  readonly sent: readonly Sent[]
}

const oneOfTen = fc.integer({ min: 0, max: 9 }).map((digit) => digit === 9)
const sent: fc.Arbitrary<Sent> = fc.record({
  kind: fc.constantFrom('headers', 'cmpctblock', 'getblocktxn', 'blocktxn', 'block', 'told'),
  peer: fc.integer({ min: 1, max: PEERS }),
  us: fc.nat(100_000),
  isCut: oneOfTen,
  delaysUs: fc.oneof({ weight: 8, arbitrary: fc.tuple(fc.nat(5000)) }, fc.constant([]), fc.tuple(fc.nat(5000), fc.nat(5000))),
})
const relayed: fc.Arbitrary<Relayed> = fc.record({ connectedUs: fc.nat(120_000), sent: fc.array(sent, { maxLength: 12 }) })

/** Sizes and numbers that no other message has, so that a wrong join shows. */
const mark = (index: number, { peer, us }: Sent) => 1000 + index * 1_000_000 + peer * 200_000 + us

function eventOf(header: BlockHeader, index: number, message: Sent): MessageEvent {
  const from = { at: stampOf(index, message.us) / 1e9, peer: message.peer }
  const size = mark(index, message)
  const event = {
    headers: () => headers(header, from),
    cmpctblock: () => cmpctblock(header, { ...from, size }),
    getblocktxn: () => getblocktxn(header, (size % 5000) + 1, from),
    blocktxn: () => blocktxn(header, size, from),
    block: () => block(header, { ...from, size }),
    told: () => told(header, from),
  }[message.kind]()
  return message.isCut ? { ...event, payload: event.payload?.slice(0, 2 * (message.us % 32)) } : event
}

/** Blocks begin 7 ms apart, so that many are under way at once. */
const stampOf = (index: number, us: number) => (10_000_000 + index * 7000 + us) * 1e3

/** What a block's record has to say, worked out by nothing of the agent from what arrived, in order. */
function expected(index: number, { connectedUs }: Relayed, arrived: readonly Sent[]) {
  const before = ({ us }: { us: number }) => us <= connectedUs
  const intact = arrived.filter(({ isCut }) => !isCut)
  const announcers = [
    ...Map.groupBy(
      intact.filter(({ kind }) => kind === 'headers' || kind === 'cmpctblock'),
      ({ peer }) => peer,
    ),
  ]
    .map(([peer, messages]) => ({ peer, us: Math.min(...messages.map(({ us }) => us)) }))
    .toSorted((a, b) => a.us - b.us)
  const first = (kind: Kind, peer: number) => intact.find((message) => message.kind === kind && message.peer === peer)
  const peers = Array.from({ length: PEERS }, (_, number) => {
    const [compact, request, transactions] = (['cmpctblock', 'getblocktxn', 'blocktxn'] as const).map((kind) => {
      const message = first(kind, number + 1)
      return message && before(message) ? message : undefined
    })
    return { request, transactions, direct: compact && !(request && request.us >= compact.us) ? compact : undefined }
  })
  const asked = Math.min(...peers.flatMap(({ request }) => (request ? [request.us] : [])))
  const isDirect = peers.some(({ direct }) => direct && (asked === Number.POSITIVE_INFINITY || direct.us >= asked))
  const isWhole = intact.some((message) => message.kind === 'block' && before(message))
  const path = isWhole
    ? 'full_block'
    : peers.some(({ transactions }) => transactions)
      ? 'compact_block_round_trip'
      : isDirect
        ? 'compact_block'
        : undefined
  const isSent = announcers.some(before) || path !== undefined
  const isNews = announcers.some(before) || intact.some(({ kind, us }) => kind === 'told' && us <= connectedUs + (isWhole ? 0 : 25_000))
  return { announcers, path: path ?? (isSent ? 'unknown' : 'mined_here'), isNews, intact, index }
}

it('joins no message to another block, whatever the order, and tells of each block what its own messages say', propertyOptions, () => {
  let announcements = 0
  const property = fc.property(fc.array(relayed, { maxLength: HEADERS.length, size: 'max' }), (blocks) => {
    const arrivals = blocks.flatMap((one, index) => {
      const header = HEADERS[index] as BlockHeader
      const messages = one.sent.flatMap((message) =>
        message.delaysUs.map((delayUs) => ({
          index,
          message,
          event: eventOf(header, index, message),
          ns: stampOf(index, message.us + delayUs),
        })),
      )
      const connected = connection(header, { at: stampOf(index, one.connectedUs) / 1e9 })
      return [...messages, { index, message: undefined, event: connected, ns: connected.stampNs }]
    })
    const inOrder = arrivals.toSorted((a, b) => a.ns - b.ns)
    const relay = startRelay()
    for (const { event, ns } of inOrder) {
      relay.observe(event)
      relay.advance(ns / 1e9)
    }
    relay.advance(1000)

    const known = blocks.map((one, index) =>
      expected(
        index,
        one,
        inOrder.flatMap((arrival) => (arrival.index === index && arrival.message ? [arrival.message] : [])),
      ),
    )
    const isCatchingUp = known.filter(({ isNews }) => !isNews).length >= 10
    for (const { announcers, path, isNews, intact, index } of known) {
      const header = HEADERS[index] as BlockHeader
      const milestones = relay.milestones(header).filter((milestone) => milestone !== 'connected' && milestone !== 'withoutRace')
      if (isCatchingUp && !isNews) {
        expect(milestones).toEqual(['caughtUp'])
        continue
      }
      expect(milestones).toEqual(['closed'])
      const record = relay.record(header)
      expect(record?.path).toBe(path)
      expect(record?.announcers).toBe(announcers.length || undefined)
      announcements += announcers.length
      const sizes = new Set(intact.map((message) => mark(index, message)))
      for (const size of [record?.compact_block_bytes, record?.requested_bytes, record?.full_block_bytes])
        if (size !== undefined) expect(sizes).toContain(size)
      const lags = announcers.slice(1).map(({ us }) => Math.round((us - Number(announcers[0]?.us)) * 1) / 1e3)
      const told = record?.announced_later?.split(', ').map((one) => Number(one.split(' ')[1])) ?? []
      expect(told.toSorted((a, b) => a - b)).toEqual(lags)
    }
    expect(relay.announcements.length).toBeLessThanOrEqual(known.reduce((sum, { announcers }) => sum + announcers.length, 0))
  })
  fc.assert(property, { numRuns: 60 })
  expect(announcements).toBeGreaterThan(500)
})

it('headers that cost nobody anything take no memory that grows with their number, and push out none that did', { timeout: 30_000 }, () => {
  const relay = startRelay()
  const [real, other] = HEADERS as readonly BlockHeader[] as [BlockHeader, BlockHeader]
  relay.observe(cmpctblock(real, { at: 1 }), connection(real, { at: 1.1, height: 100 }), cmpctblock(other, { at: 2 }))
  const invented = (from: number, to: number) => {
    for (let number = from; number < to; number++) {
      const payload = Buffer.alloc(96)
      payload.writeUInt32LE(number, 36)
      payload.writeUInt32LE(0x1d00ffff, 72)
      relay.observe(messageEvent('cmpctblock', payload, { at: 3, peer: number % 100 }))
    }
    return usedHeap()
  }
  const atFirst = invented(0, 10_000)
  expect(invented(10_000, 60_000) - atFirst).toBeLessThan(1e6)
  relay.observe(connection(other, { at: 4, height: 101 }))
  relay.advance(10)
  expect(relay.record(other)?.path).toBe('compact_block')
  expect(relay.told.filter(([milestone]) => milestone === 'closed')).toHaveLength(2)
})

it('peers without number, and messages of one block without end, take no memory that grows with them', { timeout: 30_000 }, () => {
  const blocks = new Blocks('n', () => {})
  blocks.messagesVisible = true
  const header = HEADERS[0] as BlockHeader
  const kinds: readonly Kind[] = ['headers', 'cmpctblock', 'getblocktxn', 'blocktxn', 'block', 'told']
  const hear = (from: number, to: number) => {
    for (let peer = from; peer < to; peer++)
      for (const kind of kinds) blocks.observeMessage(eventOf(header, 0, { kind, peer, us: peer, isCut: false, delaysUs: [] }))
    return usedHeap()
  }
  const atFirst = hear(0, 2000)
  expect(hear(2000, 20_000) - atFirst).toBeLessThan(1e6)
})
