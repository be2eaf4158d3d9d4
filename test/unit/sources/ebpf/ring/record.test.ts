import { describe, expect, it } from 'vitest'
import { createDecoder } from '../../../../../agent/sources/ebpf/ring/record.ts'
import {
  bytes,
  defineTracepoint,
  hashPrefix,
  hexHash,
  integer,
  longText,
  optional,
  rawHash,
  scaledBefore25,
  shortText,
  text,
} from '../../../../../agent/tracepoints/define.ts'
import { readObjectLayouts } from '../kernel-structs.ts'

const layout = readObjectLayouts().record
const { fields: at } = layout

/** As block explorers show it. */
const HASH = '00000000000000000001e2d3c4b5a69788796a5b4c3d2e1f0f1e2d3c4b5a6978'

const described = { group: 'net', description: '' } as const
const tracepoints = [
  defineTracepoint({ probe: 'demo:numbers', ...described, args: { a: integer('A.'), b: integer('B.'), c: optional(integer('C.')) } }),
  defineTracepoint({ probe: 'demo:texts', ...described, args: { a: text('A.'), b: text('B.'), long: longText('C.') } }),
  defineTracepoint({
    probe: 'demo:bytes',
    ...described,
    args: { type: shortText('A.'), size: integer('B.'), payload: bytes(16, 'C.'), last: scaledBefore25(1000, integer('D.')) },
  }),
  defineTracepoint({ probe: 'demo:hashes', ...described, args: { hex: hexHash('A.'), raw: rawHash('B.'), prefix: hashPrefix('C.') } }),
]
const [NUMBERS, TEXTS, BYTES, HASHES] = [0, 1, 2, 3]

interface Written {
  readonly target?: number
  readonly tracepoint?: number
  readonly stamp?: bigint
  readonly count?: number
  /** Bit i: argument i could not be read. */
  readonly failed?: number
  /** Those that could be read; what fills one up to a multiple of 8 bytes is what an earlier record left there. */
  readonly values?: readonly (bigint | string | Buffer)[]
}

/** Decodes a record as the kernel program would have written it, somewhere in the ring. */
function decode({ target = 7, tracepoint = NUMBERS, stamp = 0n, count = 3, failed = 0, values = [] }: Written) {
  const start = 4096
  const memory = Buffer.from(new ArrayBuffer(start + layout.size + 4096)).fill('x')
  memory.writeBigUInt64LE(stamp, start + at.stamp.offset)
  memory.writeUInt32LE(target, start + at.target.offset)
  memory.writeUInt16LE(tracepoint, start + at.tracepoint.offset)
  memory.writeUInt16LE(count, start + at.count.offset)
  memory.writeUInt32LE(failed, start + at.failed.offset)
  let place = start + at.values.offset
  for (const value of values) {
    const bytes = typeof value === 'bigint' ? numberBytes(value) : Buffer.from(value)
    memory.set(bytes, place)
    place += Math.ceil(bytes.length / 8) * 8
  }
  const decoder = createDecoder(layout, memory.buffer, tracepoints, (number) => (number === 7 ? 'n' : undefined))
  return decoder(start, 1_800_000_000)
}

function numberBytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}

describe('a record', () => {
  it('becomes an event of its node, with both times of the hit', () => {
    expect(decode({ stamp: 2_500_000_000n, values: [1n, 2n, 3n] })).toEqual({
      event: { probe: 'demo:numbers', node: 'n', stampNs: 2.5e9, unixSeconds: 1_800_000_002.5, a: 1, b: 2, c: 3 },
      tracepoint: tracepoints[NUMBERS],
      failed: [],
    })
  })

  it('of a process that nobody knows is none', () => {
    expect(decode({ target: 8 })).toBeUndefined()
  })

  it('of a tracepoint that nobody knows is none', () => {
    expect(decode({ tracepoint: 2 * tracepoints.length })).toBeUndefined()
  })

  it('has fields that could not be read, which are missing and named', () => {
    const decoded = decode({ values: [2n], failed: 0b101 })
    expect(decoded).toMatchObject({ event: { a: undefined, b: 2, c: undefined }, failed: ['a', 'c'] })
  })

  it('of an older build lacks optional arguments, which is no error', () => {
    expect(decode({ values: [1n, 2n], count: 2 })).toMatchObject({ event: { a: 1, b: 2, c: undefined }, failed: [] })
  })

  it('of a build that passes fewer arguments than it should lacks those, which is', () => {
    expect(decode({ values: [1n], count: 1 })).toMatchObject({ event: { a: 1, b: undefined, c: undefined }, failed: ['b'] })
  })

  it('of a newer build may have more arguments than we know', () => {
    expect(decode({ values: [1n, 2n, 3n, 4n], count: 4 })).toMatchObject({ event: { a: 1, b: 2, c: 3 }, failed: [] })
  })
})

it.each([
  [0n, 0],
  [-1n, -1],
  [-2_147_483_648n, -2_147_483_648],
  [4_294_967_295n, 4_294_967_295],
  [4_294_967_296n, 4_294_967_296],
  [9_007_199_254_740_991n, Number.MAX_SAFE_INTEGER],
  [-9_007_199_254_740_991n, Number.MIN_SAFE_INTEGER],
])('the number %d is read as it is', (written, read) => {
  expect(decode({ values: [written, 0n, 0n] })?.event).toMatchObject({ a: read })
})

/** Two texts and a long one. */
const decodeTexts = (...values: readonly (string | Buffer)[]) => decode({ tracepoint: TEXTS, values })

it.each([
  ['nothing', '\0', ''],
  ['a peer with a space', 'peer=17 peeraddr=1.2.3.4:8333\0', 'peer=17 peeraddr=1.2.3.4:8333'],
  ['an onion address with its port', `${'a'.repeat(62)}:65535\0`, `${'a'.repeat(62)}:65535`],
  ['what fills its room', `${'a'.repeat(127)}\0`, 'a'.repeat(127)],
  ['what does not end, up to the end of its room', 'a'.repeat(128), 'a'.repeat(128)],
  ['UTF-8', 'Zürich ₿\0', 'Zürich ₿'],
  ['what is not UTF-8, with marks in place of it', Buffer.from([0x61, 0xff, 0xc3, 0x28, 0]), 'a\ufffd\ufffd('],
])('a text is read: %s', (_, written, read) => {
  expect(decodeTexts(written, 'b\0', 'c\0')).toMatchObject({ event: { a: read, b: 'b', long: 'c' }, failed: [] })
})

it.each([
  ['of 200 digits', `${'0a'.repeat(100)}\0`, '0a'.repeat(100)],
  ['that fills its room', `${'a'.repeat(255)}\0`, 'a'.repeat(255)],
  ['that does not end, up to the end of its room', 'a'.repeat(300), 'a'.repeat(256)],
])('a long text takes the room of two: %s', (_, written, read) => {
  expect(decodeTexts('a\0', 'b\0', written)?.event).toMatchObject({ long: read })
})

describe('a hash', () => {
  const rawBytes = Buffer.from(HASH, 'hex').reverse()
  const decodeHash = (hex: string, raw = rawBytes, prefix = 0n) => decode({ tracepoint: HASHES, values: [`${hex}\0`, raw, prefix] })

  it('is the same whether it came in hex or as bytes', () => {
    expect(decodeHash(HASH)).toMatchObject({ event: { hex: HASH, raw: HASH }, failed: [] })
  })

  it.each([
    ['too short', HASH.slice(1)],
    ['too long', `${HASH}0`],
    ['empty', ''],
    ['not hex', HASH.replace('e', 'g')],
  ])('that is %s could not be read', (_, hex) => {
    expect(decodeHash(hex)).toMatchObject({ event: { hex: undefined, raw: HASH }, failed: ['hex'] })
  })

  it('begins with what its prefix says, from the other end', () => {
    expect(decodeHash(HASH, rawBytes, rawBytes.readBigInt64LE())?.event).toMatchObject({ prefix: HASH.slice(-16) })
  })

  it.each([
    [0x1en, '000000000000001e'],
    [-1n, 'ffffffffffffffff'],
  ])('has a prefix of 16 digits: %d', (written, prefix) => {
    expect(decodeHash(HASH, rawBytes, written)?.event).toMatchObject({ prefix })
  })
})

describe('bytes', () => {
  const decoded = (size: bigint, payload: Buffer, failed = 0, tracepoint = BYTES) =>
    decode({ tracepoint, count: 4, failed, values: ['inv\0', size, payload, 5n] })

  it.each([
    [0, 0],
    [1, 1],
    [9, 9],
    [16, 16],
    [5000, 16],
  ])('of a payload of %i are its first %i, in hex, and what follows is read from behind them', (size, kept) => {
    const payload = Buffer.from(Array.from({ length: kept }, (_, i) => i + 1))
    expect(decoded(BigInt(size), payload)?.event).toMatchObject({ type: 'inv', size, payload: payload.toString('hex'), last: 5 })
  })

  it('that could not be read are missing, and named', () => {
    expect(decoded(9n, Buffer.alloc(0), 0b100)).toMatchObject({ event: { size: 9, payload: undefined, last: 5 }, failed: ['payload'] })
  })

  it('a number of Bitcoin Core 23 and 24 is told in the unit of later ones', () => {
    expect(decoded(0n, Buffer.alloc(0), 0, BYTES + tracepoints.length)?.event).toMatchObject({ size: 0, last: 5000 })
  })
})
