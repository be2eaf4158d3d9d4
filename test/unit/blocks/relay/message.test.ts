import { describe, expect, it } from 'vitest'
import { type MessageEvent, readBlockMessage } from '../../../../agent/blocks/relay/message.ts'
import fc, { propertyOptions } from '../../../harness/fast-check.ts'
import { block, blocktxn, chainOf, cmpctblock, compactSize, getblocktxn, headers, messageEvent } from './messages.ts'

/** The header of block 125,552 of the main chain, as block explorers show it. */
const mainHeader = Buffer.from(
  '0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000' +
    'e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695',
  'hex',
)
const mainHash = '00000000000000001e8d6829a8a21adc5d38d0a473b144b6765798e61f98bd1d'
const mainPrevious = '00000000000008a3a41b85b8b29ad444def299fee21793cd8b9e567eab02cd81'

const [header] = chainOf(1)
if (header === undefined) throw new Error('no header')

describe('a message about a block', () => {
  it.each(['cmpctblock', 'block'])('has its hash from its header: %s', (message) => {
    const read = readBlockMessage(messageEvent(message, Buffer.concat([mainHeader, Buffer.alloc(16)]), { at: 3, peer: 7, size: 9000 }))
    expect(read).toEqual({
      type: message,
      isInbound: true,
      peer: 7,
      stampNs: 3e9,
      unixSeconds: 3,
      size: 9000,
      hash: mainHash,
      header: { hash: mainHash, previous: mainPrevious, bits: 0x1a44b9f2 },
    })
  })

  it('is one of headers with the first of them', () => {
    expect(readBlockMessage(headers({ bytes: mainHeader, hash: mainHash, previous: mainPrevious }, { count: 3 }))).toMatchObject({
      type: 'headers',
      hash: mainHash,
      headers: 3,
    })
  })

  it.each([1, 252, 253, 5000, 65_535])('asks for %d transactions', (requested) => {
    expect(readBlockMessage(getblocktxn(header, requested))).toMatchObject({
      type: 'getblocktxn',
      isInbound: false,
      hash: header.hash,
      requested,
    })
  })

  it('brings transactions of the block whose hash it begins with', () => {
    expect(readBlockMessage(blocktxn(header, 4321))).toMatchObject({ type: 'blocktxn', hash: header.hash, size: 4321 })
  })
})

describe('nothing is read of', () => {
  const outbound = (event: MessageEvent): MessageEvent => ({ ...event, probe: 'net:outbound_message' })
  it.each<readonly [string, MessageEvent]>([
    ['a message of another kind', messageEvent('tx', mainHeader)],
    ['one named like a property of objects', messageEvent('constructor', mainHeader)],
    ['a header that is cut', messageEvent('cmpctblock', mainHeader.subarray(0, 79))],
    ['a payload that is larger than the message', messageEvent('cmpctblock', mainHeader, { size: 79 })],
    ['a hash that is cut', messageEvent('blocktxn', Buffer.alloc(31))],
    ['no headers', messageEvent('headers', compactSize(0))],
    ['more headers than there can be', headers(header, { count: 2001 })],
    ['a number of headers that does not fit the size', { ...headers(header, { count: 2 }), size: 82 }],
    ['a number of 8 bytes', messageEvent('headers', Buffer.alloc(100, 0xff))],
    ['an empty message', messageEvent('block', Buffer.alloc(0))],
    ['a payload that could not be read', { ...cmpctblock(header), payload: undefined }],
    ['a type that could not be read', { ...cmpctblock(header), message: undefined }],
    ['a peer that could not be read', { ...cmpctblock(header), peer: undefined }],
    ['what a peer asks of this node', { ...getblocktxn(header, 1), probe: 'net:inbound_message' }],
    ['what this node answers', outbound(blocktxn(header, 1000))],
    ['a whole block that this node sends', outbound(block(header))],
  ])('%s', (_, event) => {
    expect(readBlockMessage(event)).toBeUndefined()
  })

  it.each([
    ['none', Buffer.of(0), 33],
    ['more than a block has', compactSize(65_536), 1e6],
    ['more than the message has room for', compactSize(200), 132],
    ['a number of which bytes are missing', Buffer.of(0xfd, 1), 34],
  ])('the number of transactions if it is %s; the block is known', (_, count, size) => {
    const payload = Buffer.concat([Buffer.alloc(32, 1), count])
    const read = readBlockMessage(messageEvent('getblocktxn', payload, { size, isOutbound: true }))
    expect(read).toMatchObject({ hash: '01'.repeat(32), requested: undefined })
  })
})

it('whatever bytes a message has, reading it does not fail', propertyOptions, () => {
  const types = fc.constantFrom('cmpctblock', 'headers', 'block', 'getblocktxn', 'blocktxn')
  fc.assert(
    fc.property(
      types,
      fc.uint8Array({ maxLength: 128 }),
      fc.option(fc.nat(200), { nil: undefined }),
      fc.boolean(),
      (type, payload, size, isOutbound) => {
        const read = readBlockMessage({ ...messageEvent(type, Buffer.from(payload), { isOutbound }), size })
        if (read) expect(read.hash).toMatch(/^[0-9a-f]{64}$/)
      },
    ),
  )
})
