import { hash as digest } from 'node:crypto'
import type { MessageEvent } from '../../../../agent/blocks/relay/message.ts'

/** Any hash meets this target in two tries. */
const REGTEST_BITS = 0x207fffff

export interface BlockHeader {
  readonly bytes: Buffer
  /** In display order. */
  readonly hash: string
  readonly previous: string
}

const sha256 = (bytes: Buffer) => digest('sha256', bytes, 'buffer')
const reversed = (hex: string) => Buffer.from(hex, 'hex').reverse()

/** A header that meets its target, of a block after another; the salt distinguishes those of one height. */
export function headerAfter(previous: string, salt = 0, bits = REGTEST_BITS): BlockHeader {
  for (let nonce = 0; ; nonce++) {
    const bytes = Buffer.alloc(80)
    reversed(previous).copy(bytes, 4)
    bytes.writeUInt32LE(salt, 36)
    bytes.writeUInt32LE(bits, 72)
    bytes.writeUInt32LE(nonce, 76)
    const hash = sha256(sha256(bytes)).reverse().toString('hex')
    if (hash < '7fffff'.padEnd(64, 'f')) return { bytes, hash, previous }
  }
}

/** Headers of a chain, the first after none that is known. */
export function chainOf(length: number, previous = 'f'.repeat(64), salt = 0): readonly BlockHeader[] {
  const headers: BlockHeader[] = []
  for (let index = 0; index < length; index++) headers.push(headerAfter(headers.at(-1)?.hash ?? previous, salt))
  return headers
}

export function compactSize(value: number): Buffer {
  if (value < 0xfd) return Buffer.of(value)
  const bytes = Buffer.alloc(value <= 0xffff ? 3 : 5)
  bytes[0] = value <= 0xffff ? 0xfd : 0xfe
  bytes.writeUIntLE(value, 1, bytes.length - 1)
  return bytes
}

/** The message as the tracepoint tells of it: the first 96 bytes, and its size where that is another than theirs. */
export function messageEvent(
  message: string,
  payload: Buffer,
  {
    at = 0,
    peer = 1,
    size = payload.length,
    isOutbound = false,
  }: Partial<{ at: number; peer: number; size: number; isOutbound: boolean }> = {},
): MessageEvent {
  return {
    probe: isOutbound ? 'net:outbound_message' : 'net:inbound_message',
    node: 'n',
    stampNs: Math.round(at * 1e9),
    unixSeconds: at,
    peer,
    address: undefined,
    connectionType: undefined,
    message,
    size,
    payload: payload.toString('hex', 0, 96),
  } as MessageEvent
}

interface From {
  /** In seconds. */
  readonly at?: number
  readonly peer?: number
}

// The messages of a block's way. Sizes are those of whole messages, of which only the beginning is told.
export const cmpctblock = ({ bytes }: BlockHeader, { size = 15_000, ...from }: From & { readonly size?: number } = {}) =>
  messageEvent('cmpctblock', Buffer.concat([bytes, Buffer.alloc(48)]), { ...from, size })
export const headers = ({ bytes }: BlockHeader, { count = 1, ...from }: From & { readonly count?: number } = {}) => {
  const number = compactSize(count)
  return messageEvent('headers', Buffer.concat([number, bytes, Buffer.alloc(81)]), { ...from, size: number.length + 81 * count })
}
export const block = ({ bytes }: BlockHeader, { size = 1_500_000, ...from }: From & { readonly size?: number } = {}) =>
  messageEvent('block', Buffer.concat([bytes, Buffer.alloc(48)]), { ...from, size })
export const getblocktxn = ({ hash }: BlockHeader, transactions: number, from: From = {}) =>
  messageEvent('getblocktxn', Buffer.concat([reversed(hash), compactSize(transactions), Buffer.alloc(64)]), {
    ...from,
    size: 32 + compactSize(transactions).length + transactions,
    isOutbound: true,
  })
export const blocktxn = ({ hash }: BlockHeader, size: number, from: From = {}) =>
  messageEvent('blocktxn', Buffer.concat([reversed(hash), Buffer.alloc(96)]), { ...from, size })
/** The node tells a peer. */
export const told = (header: BlockHeader, from: From = {}): MessageEvent => ({ ...cmpctblock(header, from), probe: 'net:outbound_message' })
