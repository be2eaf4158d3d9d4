import type { Facts } from './facts.ts'
import { at, boolean, decimal, integer, isoTime, type RecordField, text, time } from './record-field.ts'
import type { Announcement } from './relay/relay.ts'
import type { Stage } from './stages.ts'

/** Further announcements that a record has. */
const MOST_LATER = 16

const timeOf = (facts: Facts, moment: { readonly stampNs: number | undefined } | undefined) => isoTime(at(facts, moment?.stampNs))
const peerOf = (from: { readonly peer: number | undefined } | undefined) => (from?.peer === undefined ? undefined : `peer=${from.peer}`)
const stage = (meaning: string, name: Stage) => decimal(meaning, ({ stages }) => milliseconds(stages?.us[name]))

/** The fields of a block's record that messages tell, the stages of its way, and those about other blocks at its height. */
export const wayFields = {
  head_start_source: text(
    '`late_message` where the compact block came after the block was connected, within a minute, and thereby the head start is known.',
    ({ measuredHeadStartSeconds }) => (measuredHeadStartSeconds === undefined ? undefined : ('late_message' as const)),
  ),
  announced_at: time(
    "First announcement by a peer. As all times of messages, when bitcoind's message thread took it: after the time that it waited in its queue.",
    (facts) => timeOf(facts, facts.way?.first),
  ),
  announced_by: text('Peer that announced it first.', ({ way }) => peerOf(way?.first)),
  announced_message: text('Message that did: `cmpctblock` or `headers`.', ({ way }) => way?.first?.message),
  announcers: integer('Peers that announced it until the record was made.', ({ way }) => way?.announcers),
  announced_later: text(
    'Further peers, and how many ms later each of them announced it, at most 16: `peer=9 0.412, peer=17 33.02`.',
    ({ way }) => laterOf(way),
  ),
  compact_block_at: time('Compact block received: the one that the block was made of, else the first.', (facts) =>
    timeOf(facts, facts.way?.exchange?.compact),
  ),
  compact_block_peer: text('Peer that sent it.', ({ way }) => peerOf(way?.exchange?.compact && way.exchange)),
  compact_block_bytes: integer('Its size in bytes.', ({ way }) => way?.exchange?.compact?.size),
  requested_at: time('Transactions that the mempool lacked requested from that peer.', (facts) =>
    timeOf(facts, facts.way?.exchange?.request),
  ),
  requested_transactions: integer('Number of these.', ({ way }) => way?.exchange?.request?.transactions),
  requested_received_at: time('These received.', (facts) => timeOf(facts, facts.way?.exchange?.transactions)),
  requested_bytes: integer('Size in bytes of the message that brought them.', ({ way }) => way?.exchange?.transactions?.size),
  full_block_at: time('Whole block received.', (facts) => timeOf(facts, facts.way?.whole)),
  full_block_bytes: integer('Its size in bytes.', ({ way }) => way?.whole?.size),
  told_at: time('First peer told of it, by a compact block or a header.', (facts) => timeOf(facts, facts.way?.told)),
  told_peer: text('That peer.', ({ way }) => peerOf(way?.told)),
  announced_to_received_ms: stage(
    'Stage of the way by messages: first announcement to compact block, or whole block, received.',
    'announced_to_received',
  ),
  received_to_requested_ms: stage('Stage: compact block received to transactions requested.', 'received_to_requested'),
  round_trip_ms: stage('Stage: transactions requested to received.', 'round_trip'),
  received_to_validation_ms: stage('Stage: last part of it received to validation begun.', 'received_to_validation'),
  started_to_reconstructed_ms: stage(
    'Stage of the way by FIBRE: started, with its first packet, to reconstructed.',
    'started_to_reconstructed',
  ),
  reconstructed_to_validation_ms: stage('Stage: reconstructed to validation begun.', 'reconstructed_to_validation'),
  validation_ms: stage('Stage: validation begun to connected.', 'validation'),
  connected_to_sent_ms: stage(
    'Stage of the way by FIBRE: connected to sent on to UDP peers; absent where it was sent on, or a peer told, before.',
    'connected_to_sent',
  ),
  connected_to_told_ms: stage(
    'Stage: connected to first peer told; absent where that was told before, or FIBRE, which brought the block, had sent it on.',
    'connected_to_told',
  ),
  first_sign_to_connected_ms: decimal(
    'Sum of the stages until connected. The first sign is the first packet of a block that FIBRE brought, and of others the first announcement.',
    ({ stages }) => milliseconds(stages?.untilConnectedUs),
  ),
  first_sign_to_sent_ms: decimal('First sign to sent on to UDP peers.', ({ stages }) => milliseconds(stages?.untilSentUs)),
  first_sign_to_told_ms: decimal('First sign to first peer told.', ({ stages }) => milliseconds(stages?.untilToldUs)),
  slowest_stage: text('Name of the longest stage, without `_ms`.', ({ stages }) => stages?.slowest),
  joined_stages: text(
    'Stages between which nothing is known, as `round_trip+received_to_validation`: the field of the last of them has the time of all.',
    ({ stages }) => (stages?.joined.length ? stages.joined.join(', ') : undefined),
  ),
  competes_with: text('Hash of the block that was known before at its height.', ({ competesWith }) => competesWith),
  reorganisation_depth: integer('Blocks that left the active chain when it was connected.', ({ reorganisationDepth: depth }) =>
    depth === 0 ? undefined : depth,
  ),
  header_without_block: boolean(
    'True if a minute after its header was announced the block had not come.',
    ({ isOverdue }) => isOverdue || undefined,
  ),
} as const satisfies Readonly<Record<string, RecordField<unknown>>>

function laterOf(way: Facts['way']): string | undefined {
  const first = way?.first
  if (!first || way.later.length === 0) return undefined
  return way.later
    .slice(0, MOST_LATER)
    .map((announcement) => lag(first, announcement))
    .join(', ')
}

/** To the µs, which is what the clocks of messages are good for. */
const lag = (first: Announcement, { peer, stampNs }: Announcement) => `peer=${peer} ${Math.round((stampNs - first.stampNs) / 1e3) / 1e3}`

const milliseconds = (us: number | undefined) => (us === undefined ? undefined : us / 1e3)
