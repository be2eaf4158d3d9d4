import type { EventOf } from '../../tracepoints/define.ts'
import type { TracepointEvent } from '../../tracepoints/index.ts'
import { inboundMessage } from '../../tracepoints/net/inbound-message.ts'
import type { MessageOfBlock } from '../../tracepoints/net/messages.ts'
import { outboundMessage } from '../../tracepoints/net/outbound-message.ts'
import { type Header, readHash, readHeader } from './header.ts'

/** The decoded event of a message that a node took in from a peer or sends to one. */
export type MessageEvent = EventOf<typeof inboundMessage> | EventOf<typeof outboundMessage>

export const isMessageEvent = (event: TracepointEvent): event is MessageEvent =>
  event.probe === inboundMessage.probe || event.probe === outboundMessage.probe

/** The messages by which blocks are announced. */
export const announcing = ['cmpctblock', 'headers'] as const

/** What a message tells of a block. */
export interface BlockMessage extends MessageOfBlock {
  /** The block's header, where the message has it. */
  readonly header?: Header | undefined
  /** Headers of a `headers` message; only the first one is read. */
  readonly headers?: number
  /** Transactions that a `getblocktxn` asks for, if they could be read. */
  readonly requested?: number | undefined
}

type Content = Pick<BlockMessage, 'hash' | 'header' | 'headers' | 'requested'>
type Reader = (payload: Buffer, size: number | undefined) => Content | undefined

/** Core takes no more headers in one message, and a block has no more transactions. */
const MOST_HEADERS = 2000
const MOST_TRANSACTIONS = 65_535
const HEADER_AND_COUNT_BYTES = 81

const readers: Readonly<Record<BlockMessage['type'], Reader>> = {
  cmpctblock: headed,
  block: headed,
  headers(payload, size) {
    const count = readCompactSize(payload, 0)
    if (count === undefined || count.value < 1 || count.value > MOST_HEADERS) return undefined
    if (size !== undefined && size !== count.end + count.value * HEADER_AND_COUNT_BYTES) return undefined
    const header = readHeader(payload, count.end)
    return header && { hash: header.hash, header, headers: count.value }
  },
  getblocktxn(payload, size) {
    const hash = readHash(payload)
    const count = readCompactSize(payload, 32)
    const fits = count && count.value >= 1 && count.value <= Math.min(MOST_TRANSACTIONS, (size ?? Number.POSITIVE_INFINITY) - count.end)
    return hash === undefined ? undefined : { hash, requested: fits ? count.value : undefined }
  },
  blocktxn(payload) {
    const hash = readHash(payload)
    return hash === undefined ? undefined : { hash }
  },
}

/** What the node itself sends that tells of a block that is new: the others answer peers that ask for old ones. */
const outbound: ReadonlySet<string> = new Set(['cmpctblock', 'headers', 'getblocktxn'])

/** Reads what a message tells of a block; `undefined` where it tells of none, or is too short or absurd. */
export function readBlockMessage({ probe, message, peer, size, payload, stampNs, unixSeconds }: MessageEvent): BlockMessage | undefined {
  const isInbound = probe === inboundMessage.probe
  if (message === undefined || payload === undefined || peer === undefined || !isBlockMessage(message)) return undefined
  if (isInbound ? message === 'getblocktxn' : !outbound.has(message)) return undefined
  const bytes = Buffer.from(payload, 'hex').subarray(0, size)
  const content = readers[message](bytes, size)
  return content && { type: message, isInbound, peer, stampNs, unixSeconds, size, ...content }
}

const isBlockMessage = (message: string): message is BlockMessage['type'] => Object.hasOwn(readers, message)

function headed(payload: Buffer): Content | undefined {
  const header = readHeader(payload)
  return header && { hash: header.hash, header }
}

/** Reads one of Bitcoin's variable-length integers, and where it ends. Those of 8 bytes are absurd here. */
function readCompactSize(bytes: Buffer, offset: number): { readonly value: number; readonly end: number } | undefined {
  const first = bytes[offset]
  if (first === undefined || first === 0xff) return undefined
  if (first < 0xfd) return { value: first, end: offset + 1 }
  const length = first === 0xfd ? 2 : 4
  if (bytes.length < offset + 1 + length) return undefined
  return { value: bytes.readUIntLE(offset + 1, length), end: offset + 1 + length }
}
