import type { EventOf } from '../../tracepoints/define.ts'
import type { compactBlockReconstructed } from '../../tracepoints/net/compact-block-reconstructed.ts'
import type { Header } from './header.ts'
import type { announcing, BlockMessage } from './message.ts'

/** Peers that are kept for one block. A node has 125 unless it is told otherwise. */
const MAX_PEERS = 128
/** Compact blocks of one block that are followed; a node asks three peers at once at most. */
const MAX_EXCHANGES = 16
const MAX_WHOLE = 4

/** A block's announcement by a peer, or to one. */
export interface Announcement {
  readonly peer: number
  readonly message: (typeof announcing)[number]
  readonly stampNs: number
}

/** A message, or a part of it, that arrived from a peer. */
export interface Part {
  readonly stampNs: number
  readonly size: number | undefined
}

/** A compact block of one peer, and the transactions that it was asked for. */
export interface Exchange {
  readonly peer: number
  compact?: Part
  request?: { readonly stampNs: number; readonly transactions: number | undefined }
  transactions?: Part
}

/** The decoded event of a compact block that the node made a block of. */
export type Reconstruction = EventOf<typeof compactBlockReconstructed>

/** What messages told of one block. Messages may come in any order; memory is bounded whatever comes. */
export class Relay {
  /** Time of the first message: CLOCK_MONOTONIC, ns. */
  firstNs: number
  header: Header | undefined
  /** Time at which the block was connected, once it was: CLOCK_MONOTONIC, ns. */
  connectedNs: number | undefined
  /** The first announcement to a peer. */
  told: Announcement | undefined
  /** What the node says of the compact block that it made the block of. */
  reconstruction: Reconstruction | undefined
  readonly #announcements: Announcement[] = []
  readonly #exchanges: Exchange[] = []
  readonly #whole: Part[] = []
  #isLogged = false

  constructor(firstNs: number) {
    this.firstNs = firstNs
  }

  /** The announcements of peers, one each, earliest first. */
  get announcements(): readonly Announcement[] {
    return this.#announcements
  }

  /** The compact blocks of peers, and what was asked of these. */
  get exchanges(): readonly Exchange[] {
    return this.#exchanges
  }

  /** Whole blocks that came in. */
  get whole(): readonly Part[] {
    return this.#whole
  }

  /** Whether debug.log tells it, which does not tell of each message: what is missing need not be. */
  get isLogged(): boolean {
    return this.#isLogged
  }

  /** Arrival of the first compact block, if any: CLOCK_MONOTONIC, ns. */
  get firstCompactNs(): number | undefined {
    return this.#exchanges.reduce<number | undefined>((first, { compact }) => earlier(first, compact?.stampNs), undefined)
  }

  /** Reports whether a peer had announced the block by that time. */
  isAnnouncedBy(stampNs: number): boolean {
    return (this.#announcements[0]?.stampNs ?? Number.POSITIVE_INFINITY) <= stampNs
  }

  /** Reports whether a peer had sent or announced any of the block by that time. */
  isSentBy(stampNs: number): boolean {
    const isBefore = (part: Part | undefined) => part !== undefined && part.stampNs <= stampNs
    return this.isAnnouncedBy(stampNs) || this.#whole.some(isBefore) || this.#exchanges.some(({ transactions }) => isBefore(transactions))
  }

  /** Adds what a message tells. Returns the announcement, if it is a peer's first. */
  add(message: BlockMessage): Announcement | undefined {
    this.#take(message)
    return message.isInbound ? this.#announce(message) : undefined
  }

  /** Adds what a log tells of a message: only that by which the node heard of the block is known to have announced it first. */
  addLogged(message: BlockMessage, isFirst: boolean): void {
    this.#isLogged = true
    this.#take(message)
    if (isFirst) this.#announce(message)
  }

  #take(message: BlockMessage): void {
    this.header ??= message.header
    this.firstNs = Math.min(this.firstNs, message.stampNs)
    const { type, peer, stampNs, size } = message
    if (!message.isInbound && type !== 'getblocktxn') this.#tell(message)
    else if (type === 'block') this.#whole.length < MAX_WHOLE && this.#whole.push({ stampNs, size })
    else if (type !== 'headers') this.#exchange(peer, message)
  }

  #tell({ type, peer, stampNs }: BlockMessage): void {
    if (!isAnnouncing(type) || (this.told && this.told.stampNs <= stampNs)) return
    this.told = { peer, message: type, stampNs }
  }

  #exchange(peer: number, { type, stampNs, size, requested }: BlockMessage): void {
    let exchange = this.#exchanges.find((known) => known.peer === peer)
    if (exchange === undefined) {
      if (this.#exchanges.length >= MAX_EXCHANGES) return
      exchange = { peer }
      this.#exchanges.push(exchange)
    }
    if (type === 'cmpctblock') exchange.compact ??= { stampNs, size }
    else if (type === 'getblocktxn') exchange.request ??= { stampNs, transactions: requested }
    else exchange.transactions ??= { stampNs, size }
  }

  #announce({ type, peer, stampNs }: BlockMessage): Announcement | undefined {
    if (!isAnnouncing(type)) return undefined
    const known = this.#announcements.findIndex((announcement) => announcement.peer === peer)
    if (known >= 0 && (this.#announcements[known] as Announcement).stampNs <= stampNs) return undefined
    if (known >= 0) this.#announcements.splice(known, 1)
    else if (this.#announcements.length >= MAX_PEERS) return undefined
    const announcement = { peer, message: type, stampNs }
    const later = this.#announcements.findLastIndex((other) => other.stampNs <= stampNs)
    this.#announcements.splice(later + 1, 0, announcement)
    return known >= 0 ? undefined : announcement
  }
}

const isAnnouncing = (type: BlockMessage['type']): type is Announcement['message'] => type === 'cmpctblock' || type === 'headers'

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b < a) ? b : a
}
