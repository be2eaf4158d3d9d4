import { type BlockHistory, readHistory } from '../../demo-node/history.ts'
import { blockOf, isMessage, type RecordedMessage } from '../../demo-node/message.ts'
import { readRecording } from '../../demo-node/recording.ts'

/** What a node fired between two readings of its clock: CLOCK_MONOTONIC, ns. */
export interface Moment {
  readonly ts_ns: number
  readonly endNs: number
}
export type Passed = RecordedMessage & Moment
/** An event of a block. */
type Fired = Moment & { readonly probe: string } & Readonly<Record<string, unknown>>

/** What a node says of a block's way. */
export interface Way {
  readonly block: BlockHistory
  /** The first announcement of each peer that an agent can read, in order. */
  readonly announcements: readonly Passed[]
  readonly compact: Passed | undefined
  readonly request: Passed | undefined
  readonly answer: Passed | undefined
  readonly whole: Passed | undefined
  readonly told: Passed | undefined
  readonly connected: Fired | undefined
  /** What FIBRE did with it: the complete block, and that it was sent on. */
  readonly reconstructed: Fired | undefined
  readonly sent: Fired | undefined
  /** Its race, unless the node has none. */
  readonly race: Fired | undefined
  /** The block that was known before at its height. */
  readonly competesWith: string | undefined
}

/** The ways of a node's blocks: by its history, and in detail by what it recorded. */
export function readWays(history: string, recording: string): readonly Way[] {
  const fired = readRecording(recording)
  const moments: readonly Fired[] = fired.map((event, i) => ({ ...event, endNs: fired[i + 1]?.ts_ns ?? event.ts_ns + 1e9 }))
  const messages = Map.groupBy(moments.filter(isMessage) as unknown as readonly Passed[], blockOf)
  const events = Map.groupBy(
    moments.filter(({ block_hash }) => block_hash),
    ({ block_hash }) => String(block_hash),
  )
  const ways = readHistory(history).map((block) => wayOf(block, messages.get(block.block_hash) ?? [], events.get(block.block_hash) ?? []))
  return withRivals(ways, events)
}

function wayOf(block: BlockHistory, messages: readonly Passed[], events: readonly Fired[]): Way {
  const inbound = messages.filter(({ probe }) => probe === 'net:inbound_message')
  const outbound = messages.filter(({ probe }) => probe === 'net:outbound_message')
  const fired = (name: string) => events.find(({ probe }) => probe === name)
  const first = (list: readonly Passed[], type: string) => list.find(({ message }) => message === type)
  return {
    block,
    announcements: [...Map.groupBy(inbound.filter(announces), ({ peer_id }) => peer_id).values()].flatMap(([message]) => message ?? []),
    compact: first(inbound, 'cmpctblock'),
    request: first(outbound, 'getblocktxn'),
    answer: first(inbound, 'blocktxn'),
    whole: first(inbound, 'block'),
    told: outbound.find(announces),
    connected: fired('validation:block_connected'),
    reconstructed: fired('udp:block_reconstructed'),
    sent: fired('udp:block_send_start'),
    race: fired('udp:block_race_time'),
    competesWith: undefined,
  }
}

const announces = ({ message }: RecordedMessage) => message === 'cmpctblock' || message === 'headers'

/** A block that is not connected competes with those of the latest heights only. */
const LATEST = 6

/** Names the rivals: heights are known by the events that tell them, and by headers, but for that of the first block. */
function withRivals(ways: readonly Way[], events: ReadonlyMap<string, readonly Fired[]>): readonly Way[] {
  const lowest = Math.min(...ways.map(({ block }) => block.height))
  const tipAt = (ns: number) =>
    Math.max(...ways.filter(({ connected }) => connected && connected.ts_ns < ns).map(({ block }) => block.height))
  const isLatest = (way: Way) => way.connected !== undefined || tipAt(knownNs(way)) - way.block.height <= LATEST
  const knownNs = ({ block, announcements, whole }: Way) => {
    const told = (events.get(block.block_hash) ?? []).filter(({ height }) => height !== undefined)
    const headed = block.height === lowest ? [] : [...announcements.slice(0, 1), ...(whole ? [whole] : [])]
    return Math.min(...[...told, ...headed].map(({ ts_ns }) => ts_ns))
  }
  const byHeight = Map.groupBy(
    ways.filter((way) => Number.isFinite(knownNs(way))),
    ({ block }) => block.height,
  )
  return ways.map((way) => {
    const [first] = (byHeight.get(way.block.height) ?? []).toSorted((a, b) => knownNs(a) - knownNs(b))
    const isSecond = first !== undefined && first !== way && Number.isFinite(knownNs(way)) && isLatest(way)
    return { ...way, competesWith: isSecond ? first.block.block_hash : undefined }
  })
}

/** A time between two moments, in µs: as the node's clock tells it, and the bounds that it sets for every other clock. */
export interface Span {
  readonly us: number
  readonly leastUs: number
  readonly mostUs: number
}

export function span(from: Moment, to: Moment): Span {
  return { us: (to.ts_ns - from.ts_ns) / 1e3, leastUs: (to.ts_ns - from.endNs) / 1e3, mostUs: (to.endNs - from.ts_ns) / 1e3 }
}

/** The time from a moment until so many ns before another. */
export function spanUntilNs(from: Moment, to: Moment, beforeNs: number): Span {
  const { us, leastUs, mostUs } = span(from, to)
  const beforeUs = beforeNs / 1e3
  return { us: us - beforeUs, leastUs: leastUs - beforeUs, mostUs: mostUs - beforeUs }
}

/** The head start of FIBRE where the compact block came after the block was connected. */
export function lateHeadStart({ race, compact, connected }: Way): Span | undefined {
  const isOneSided = race && Number(race.udp_ns) >= 0 && Number(race.cmpct_ns) < 0
  return isOneSided && compact && connected ? spanUntilNs(connected, compact, -Number(race.udp_ns)) : undefined
}

/** FIBRE was first and no compact block came: one is waited for. */
export const isWaiting = ({ race, compact }: Way) => race !== undefined && Number(race.udp_ns) >= 0 && Number(race.cmpct_ns) < 0 && !compact

export const isConnected = ({ connected }: Way) => connected !== undefined
