import { metricBuilders, sample } from '../../metrics/definition.ts'
import { bytes, type EventTime, type Hits, integer, knownTexts, labelValues, shortText, text } from '../define.ts'

/** Types of messages in Bitcoin Core 31 (protocol.h). */
const messages = knownTexts(
  [
    ...['version', 'verack', 'addr', 'addrv2', 'sendaddrv2', 'getaddr', 'inv', 'getdata', 'notfound', 'tx', 'mempool'],
    ...['block', 'getblocks', 'headers', 'getheaders', 'sendheaders', 'merkleblock', 'ping', 'pong', 'feefilter', 'wtxidrelay'],
    ...['sendcmpct', 'cmpctblock', 'getblocktxn', 'blocktxn', 'filterload', 'filteradd', 'filterclear', 'sendtxrcncl'],
    ...['getcfilters', 'cfilter', 'getcfheaders', 'cfheaders', 'getcfcheckpt', 'cfcheckpt'],
  ],
  15,
)

/** What both tracepoints of messages pass, which is counted by type. */
export const messageArguments = {
  peer: integer('Number of the peer.'),
  address: text('Its address, `ip:port`.'),
  connectionType: shortText('Type of the connection, such as `outbound-full-relay`.'),
  message: shortText('Type of the message.'),
  size: integer('Size of its payload in bytes.'),
  payload: bytes(96, 'The beginning of its payload: all that is needed of a message that tells of a block.'),
}
export const countedMessages = { by: { message: messages }, sums: ['size'] } as const

/** Hits of either tracepoint; the probe tells the direction. */
type MessageHits = Hits<'message', 'size'>

const labels = { direction: ['inbound', 'outbound'], message: labelValues(messages) } as const
const labelsOf = ({ probe, labels: { message } }: MessageHits) => ({
  direction: probe === 'net:inbound_message' ? 'inbound' : 'outbound',
  message,
})

const { counter } = metricBuilders<MessageHits>()

export const messageMetrics = [
  counter('bitcoin_messages_total', {
    help: 'Total messages that the node took from its queue of received ones, or sent, by type',
    labels,
    measure: (hits) => sample(hits.count, labelsOf(hits)),
  }),
  counter('bitcoin_message_bytes_total', {
    help: 'Total size of the payloads of these messages, in bytes',
    labels,
    measure: (hits) => sample(hits.sums.size, labelsOf(hits)),
  }),
] as const

/** What is known of a message about a block, by its bytes, which the tracepoints pass, or by what debug.log tells of it. */
export interface MessageOfBlock extends EventTime {
  readonly type: 'cmpctblock' | 'headers' | 'block' | 'getblocktxn' | 'blocktxn'
  readonly isInbound: boolean
  /** The node's number of the peer. */
  readonly peer: number
  /** Size of the payload, in bytes. */
  readonly size: number | undefined
  /** Hash of the block: 64 hex digits in display order. */
  readonly hash: string
}
