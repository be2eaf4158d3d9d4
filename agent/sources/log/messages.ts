import type { EventBase } from '../../tracepoints/define.ts'
import type { TracepointEvent } from '../../tracepoints/index.ts'

/** What a message says: an event of a tracepoint, or a step of connecting a block, which only several messages together tell. */
export type Said = SaidEvent | Step

type WithoutBase<E> = E extends unknown ? Omit<E, keyof EventBase> : never
/** An event, without node and times. */
export type SaidEvent = WithoutBase<TracepointEvent>

export type Step =
  /** bitcoind has started. */
  | { readonly step: 'started' }
  /** The tip that it started with. */
  | { readonly step: 'loaded'; readonly hash: string; readonly height: number | undefined }
  /** The header of a block that was not known. */
  | { readonly step: 'header'; readonly byCompactBlock: boolean; readonly hash: string; readonly peer: number | undefined }
  /** A compact block is being looked at: `debug=cmpctblock` is on. */
  | { readonly step: 'compactBlock'; readonly hash: string; readonly size: number | undefined }
  /** A message that may be about a block begins to be handled: `debug=net` is on. */
  | {
      readonly step: 'received'
      readonly message: 'cmpctblock' | 'headers' | 'block' | 'blocktxn'
      readonly size: number | undefined
      readonly peer: number
    }
  /** Transactions that a compact block lacks are asked for. */
  | { readonly step: 'requested'; readonly peer: number }
  /** A whole block was received. */
  | { readonly step: 'whole'; readonly hash: string; readonly peer: number }
  /** A peer is told of a block. */
  | { readonly step: 'sent'; readonly message: 'cmpctblock' | 'headers'; readonly hash: string; readonly peer: number }
  /** A block begins to be connected. */
  | { readonly step: 'begun' }
  | { readonly step: 'transactions'; readonly count: number | undefined }
  | { readonly step: 'part'; readonly part: Part; readonly durationNs: number | undefined; readonly inputs?: number | undefined }
  /** A block is connected, and the cache above the database was written since. */
  | { readonly step: 'connected'; readonly durationNs: number | undefined }
  | { readonly step: 'disconnected' }
  | { readonly step: 'tip'; readonly hash: string; readonly height: number | undefined; readonly transactions: number | undefined }
  /** Any other message of `debug=bench`. */
  | { readonly step: 'bench' }
  /** Any other message of FIBRE. */
  | { readonly step: 'fibre' }

/** Parts of connecting a block, in order. */
type Part = 'sanity' | 'fork' | 'verify' | 'undo' | 'index'

type Groups = Readonly<Record<string, string | undefined>>
interface Row {
  readonly pattern: RegExp
  readonly read: (groups: Groups) => readonly Said[]
}

const row = (pattern: string, read: Row['read']): Row => ({ pattern: new RegExp(`^${pattern}$`), read })

const HASH = '(?<hash>[0-9a-f]{64})'
const HEIGHT = 'height=(?<height>\\d+)'
const PEER = '.{1,127}?'
const MS = '\\d+(?:\\.\\d+)?'
const PART = `(?<ms>${MS})ms(?: .*)?`
const BYTES = '(?: \\(\\d+ bytes\\))?'
const REST = '.*'
/** With what is appended in debug.log under `logips=1`. */
const FROM_PEER = `peer=(?<peer>\\d{1,15})(?:,? ${REST})?`
const SCRIPT_DIGITS = 200

const parts = { 'Sanity checks': 'sanity', 'Fork checks': 'fork', 'Write undo data': 'undo', 'Index writing': 'index' } as const

/** The messages that are read: each line of this table is one shape. Patterns match whole messages, so that no text within one counts. */
const rows: readonly Row[] = [
  row(
    `UDP: block=${HASH} ${HEIGHT} winner=(?<winner>.{1,127}?) winner_peer=(?<winnerPeer>${PEER}) ` +
      `udp=(?<udp>${MS}ms|n/a) udp_peer=(?<udpPeer>${PEER}) cmpct=(?<cmpct>${MS}ms|n/a) cmpct_peer=(?<cmpctPeer>${PEER})`,
    ({ hash: blockHash, height, winner, winnerPeer, udp, udpPeer, cmpct, cmpctPeer }) => {
      const block = { blockHash, height: integer(height) }
      const times = { udpNs: startNs(udp), udpPeer, cmpctNs: startNs(cmpct), cmpctPeer }
      return [
        { probe: 'udp:block_race_winner', ...block, winner, winnerPeer },
        { probe: 'udp:block_race_time', ...block, ...times },
      ]
    },
  ),
  row(
    `UDP: Block ${HASH} reconstructed from (?<peer>${PEER}) with (?<used>\\d+) chunks in (?<ms>${MS}) ms \\((?<received>\\d+) recvd from (?<peers>\\d+) peers\\)`,
    ({ hash: blockHash, peer, used, ms, received, peers }) => [
      {
        ...{ probe: 'udp:block_reconstructed', blockHash, peer, height: undefined },
        ...{ chunksUsed: integer(used), chunksReceived: integer(received), peers: integer(peers), durationUs: scaled(ms, 1e3) },
      },
    ],
  ),
  row(`UDP: block=${HASH} scriptsig=(?<script>(?:[0-9a-f]{2})*)`, ({ hash: blockHash, script }) => [
    { probe: 'udp:block_coinbase', blockHash, scriptSig: script?.slice(0, SCRIPT_DIGITS) },
  ]),
  row(`UDP: Starting header send for block ${HASH} at (?<us>\\d+) us`, ({ hash: blockHash, us }) => [
    { probe: 'udp:block_send_start', blockHash, startUs: integer(us) },
  ]),
  row(
    `Successfully reconstructed block ${HASH} with (?<prefilled>\\d+) txn${BYTES} prefilled, (?<mempool>\\d+) txn${BYTES} from mempool ` +
      `\\(incl at least (?<extra>\\d+)(?: txn)?${BYTES} from extra pool\\) and (?<requested>\\d+) txn(?: \\((?<bytes>\\d+) bytes\\))? requested`,
    ({ hash: blockHash, prefilled, mempool, extra, requested, bytes }) => [
      {
        ...{ probe: 'net:compact_block_reconstructed', peer: undefined, blockHash, prefilled: integer(prefilled) },
        ...{ fromMempool: integer(mempool), fromExtraPool: integer(extra), requested: integer(requested), requestedBytes: integer(bytes) },
      },
    ],
  ),
  row(`Saw new (?<message>cmpctblock )?header hash=${HASH}(?: ${HEIGHT})?(?: ${FROM_PEER}| ${REST})?`, ({ message, hash, peer }) => [
    { step: 'header', byCompactBlock: message !== undefined, hash: hash as string, peer: integer(peer) },
  ]),
  row(
    `Initialized PartiallyDownloadedBlock for block ${HASH} using a cmpctblock of (?:size )?(?<size>\\d+)(?: bytes)?`,
    ({ hash, size }) => [{ step: 'compactBlock', hash: hash as string, size: integer(size) }],
  ),
  row(`received: (?<message>cmpctblock|headers|block|blocktxn) \\((?<size>\\d+) bytes\\) ${FROM_PEER}`, ({ message, size, peer }) => [
    { step: 'received', message: message as 'cmpctblock' | 'headers' | 'block' | 'blocktxn', size: integer(size), peer: Number(peer) },
  ]),
  row(`sending getblocktxn \\(\\d+ bytes\\) ${FROM_PEER}`, ({ peer }) => [{ step: 'requested', peer: Number(peer) }]),
  row(`received block ${HASH} ${FROM_PEER}`, ({ hash, peer }) => [{ step: 'whole', hash: hash as string, peer: Number(peer) }]),
  row(`[\\w:]{1,64} sending header(?<message>-and-ids)? ${HASH} to ${FROM_PEER}`, ({ message, hash, peer }) => [
    { step: 'sent', message: message === undefined ? 'headers' : 'cmpctblock', hash: hash as string, peer: Number(peer) },
  ]),
  row(` *- Load block from disk: ${REST}`, () => [{ step: 'begun' }]),
  row(` *- Connect (?<count>\\d+) transactions: ${REST}`, ({ count }) => [{ step: 'transactions', count: integer(count) }]),
  row(` *- Verify (?<count>\\d+) txins: ${PART}`, ({ count, ms }) => [
    { step: 'part', part: 'verify', durationNs: scaled(ms, 1e6), inputs: integer(count) },
  ]),
  ...(['Sanity checks', 'Fork checks', 'Write undo data', 'Index writing'] as const).map((name) =>
    row(` *- ${name}: ${PART}`, ({ ms }) => [{ step: 'part', part: parts[name], durationNs: scaled(ms, 1e6) }]),
  ),
  row(` *- Connect total: ${PART}`, ({ ms }) => [{ step: 'connected', durationNs: scaled(ms, 1e6) }]),
  row(` *- Disconnect block: ${REST}`, () => [{ step: 'disconnected' }]),
  row(` *- Connect block: ${REST}`, () => [{ step: 'bench' }]),
  row(`UpdateTip: new best=${HASH} ${HEIGHT} ${REST}? tx=(?<transactions>\\d+) ${REST}`, ({ hash, height, transactions }) => [
    { step: 'tip', hash: hash as string, height: integer(height), transactions: integer(transactions) },
  ]),
  row(`Loaded best chain: hashBestChain=${HASH} ${HEIGHT} ${REST}`, ({ hash, height }) => [
    { step: 'loaded', hash: hash as string, height: integer(height) },
  ]),
  row(`Bitcoin .{1,64} version v?\\d${REST}`, () => [{ step: 'started' }]),
  row(`UDP: ${REST}`, () => [{ step: 'fibre' }]),
]

/** Understands a message; empty if it says nothing of blocks. */
export function parseMessage(message: string): readonly Said[] {
  for (const { pattern, read } of rows) {
    const match = pattern.exec(message)
    if (match) return read(match.groups ?? {})
  }
  return []
}

/** Whether a line may say something: most do not, and are told from the others by one look. */
export const mayTell = (line: string): boolean => CANDIDATE.test(line)
const CANDIDATE =
  /UDP: |UpdateTip: |Connect (?:\d|total|block)|Verify \d|(?:Sanity|Fork) checks|Write undo|Index writing|Load block from|Disconnect block|Saw new |cmpctblock of |received: (?:cmpctblock|headers|block|blocktxn) |received block |sending (?:getblocktxn|header-and-ids|header) |Successfully reconstructed |Loaded best | version v?\d/

/** `undefined` beyond what a number holds exactly. */
function integer(text: string | undefined): number | undefined {
  const value = Number(text)
  return text !== undefined && Number.isSafeInteger(value) ? value : undefined
}

function scaled(text: string | undefined, factor: number): number | undefined {
  const value = Math.round(Number(text) * factor)
  return Number.isSafeInteger(value) ? value : undefined
}

/** −1 for a mechanism that did not start before the block was connected, as the tracepoint has it. */
const startNs = (text: string | undefined) => (text === 'n/a' ? -1 : scaled(text?.slice(0, -'ms'.length), 1e6))
