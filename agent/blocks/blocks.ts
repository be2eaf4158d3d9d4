import type { blockConnected } from '../tracepoints/block-connected.ts'
import type { blockHeaderChunk } from '../tracepoints/block-header-chunk.ts'
import type { EventOf } from '../tracepoints/define.ts'
import type { BlockEvent } from '../tracepoints/index.ts'
import { addEvent, type Block, connectedNsOf, hasRace, isNews } from './block.ts'
import { type CatchUpListener, CatchUps } from './catch-up.ts'
import { Chain } from './chain.ts'
import { forgetOldest } from './forget-oldest.ts'
import { isCompletable, measuredHeadStart, RELAY_WAIT_NS } from './late-race.ts'
import type { CountedAnnouncement, MilestoneListener } from './milestone.ts'
import { beginBlock, type OpenBlock } from './open-block.ts'
import { mechanismOf, type Racer, raceOf, racers } from './race.ts'
import { mayBeComplete } from './relay/delivery.ts'
import type { Header } from './relay/header.ts'
import { type BlockMessage, type MessageEvent, readBlockMessage } from './relay/message.ts'
import { PendingHeaders } from './relay/pending-headers.ts'
import { type Announcement, type Reconstruction, Relay } from './relay/relay.ts'
import { Relays } from './relay/relays.ts'

/** A connected block without a race after this time, by the stamps of events, came without one. */
const RACE_WAIT_NS = 5e9
/** Where no races are seen, a connected block is known to be news after this time: it takes that to tell peers of one that was mined here. */
const TOLD_WAIT_NS = 50e6
/** A block that was announced but not connected after this time is closed. */
const CONNECT_WAIT_NS = 600e9
/** A complete block stays open this long for late events, such as its header chunk. */
const LATE_WAIT_NS = 1e9
/** Complete blocks that wait at once. At a block in ten minutes there is one; at the rates of tests they would fill the memory. */
const MAX_COMPLETE = 512
/** `block_race_winner` follows the connection by 0.1 to 5 ms; a process that ends sooner may have been about to fire it. */
const RACE_LAG_NS = 50e6
/** Blocks that are open at once; the initial block download connects more than that within the wait. */
const MAX_OPEN = 4096
/** Blocks that are closed together when too many are open: one by one they cost more, and each a write of the journal; 256 hold up events for 25 ms. */
const CLOSE_TOGETHER = 32
/** Hashes that are remembered after their block was closed, so that no block counts twice. */
const MAX_CLOSED = 4096
/** Header chunks that wait for an event with the hash of their block. */
const MAX_WAITING = 1024

export interface BlocksOptions {
  /** Time within which a block has to be connected, in ns. */
  readonly connectWaitNs?: number | undefined
  readonly onAnnouncement?: ((announcement: CountedAnnouncement) => void) | undefined
  readonly onCatchUp?: CatchUpListener | undefined
}

type HeaderChunk = EventOf<typeof blockHeaderChunk>
type Sign = Block['firstSign']
type HashedEvent = Exclude<BlockEvent, HeaderChunk>

/** Joins the events and messages of one node's blocks by hash and reports their milestones. Memory is bounded whatever arrives. */
export class Blocks {
  readonly #node: string
  readonly #listener: MilestoneListener
  readonly #options: BlocksOptions
  readonly #open = new Map<string, OpenBlock>()
  /** The open blocks by the prefix of the hash that a header chunk has. */
  readonly #openByPrefix = new Map<string, OpenBlock>()
  /** The complete blocks, oldest first. */
  readonly #complete = new Set<OpenBlock>()
  readonly #closed = new Set<string>()
  readonly #headerChunks = new Map<string, HeaderChunk>()
  readonly #sinceWin: Record<Racer, number> = { fibre_udp: 0, bip152_cmpct: 0 }
  readonly #relays = new Relays()
  readonly #pendingHeaders = new PendingHeaders()
  readonly #chain = new Chain()
  readonly #catchUps: CatchUps<OpenBlock>
  #messagesVisible = false
  /** The stamp from which on no message was missed. */
  #messagesSinceNs: number | undefined
  /** False without `block_race_time`: then no block is reported to have come without a race. */
  racesVisible = true
  /** False without `block_connected`: then a block is complete once its race is known. */
  connectionsVisible = true

  constructor(node: string, listener: MilestoneListener, options: BlocksOptions = {}) {
    this.#node = node
    this.#listener = listener
    this.#options = options
    this.#catchUps = new CatchUps({
      connectedNs: (block) => connectedNsOf(block) ?? 0,
      decidedNs: () => (this.racesVisible ? RACE_WAIT_NS : TOLD_WAIT_NS),
      isNews: (block) => hasRace(block) || isNews(block, connectedNsOf(block) ?? 0),
      isCertain: ({ hasLost }) => !hasLost,
      caughtUp: (block) => this.#catchUp(block),
      listener: (phase, catchUp) => options.onCatchUp?.(phase, catchUp),
    })
  }

  /** Whether messages are seen. Where they are not, nothing is told of what only they tell. */
  set messagesVisible(visible: boolean) {
    // Of a block that was connected under the old state all messages were seen, or none.
    if (visible !== this.#messagesVisible) this.#missMessages((block) => connectedNsOf(block) !== undefined)
    this.#messagesVisible = visible
  }

  /** Whether the node is catching up with a chain that it missed. */
  get isCatchingUp(): boolean {
    return this.#catchUps.isActive
  }

  /** Takes an event in. Events of one block may come in any order. */
  observe(event: BlockEvent): void {
    this.#see(event.stampNs)
    if (event.probe === 'udp:block_header_chunk') this.#observeHeaderChunk(event)
    else this.#observeBlock(event)
    this.#catchUps.decide(event.stampNs)
  }

  /** Takes a message in. Messages of one block may come in any order, and before or after its events. */
  observeMessage(event: MessageEvent): void {
    this.#see(event.stampNs)
    const message = readBlockMessage(event)
    const relay = message && this.#relays.of(message)
    if (message === undefined || relay === undefined) return
    const announcement = relay.add(message)
    this.#joinOpen(message.hash, relay)
    if (announcement) this.#count(relay, announcement)
    if (message.header && message.isInbound) this.#observeHeader(message, message.header)
  }

  /** Takes what a log tells of a message, in the order of its lines, and whether the node heard of the block by it. */
  observeLogged(message: BlockMessage, isFirst: boolean): void {
    const relay = this.#relays.of(message)
    relay?.addLogged(message, isFirst)
    if (relay) this.#joinOpen(message.hash, relay)
  }

  /** Takes what the node says of a compact block that it made a block of. */
  observeReconstruction(event: Reconstruction): void {
    const { blockHash: hash, stampNs } = event
    if (hash === undefined) return
    const relay = this.#relays.ofBlock({ hash, stampNs })
    relay.reconstruction ??= event
    this.#joinOpen(hash, relay)
  }

  /** Takes the hashes of blocks that an earlier run of the agent reported; they are not reported again. */
  remember(hashes: Iterable<string>): void {
    for (const hash of hashes) this.#rememberClosed(hash)
  }

  /** Closes the blocks that are due at the time until which all was taken in (CLOCK_MONOTONIC, ns). It may be later now. */
  advance(untilNs: number, nowNs = untilNs): void {
    this.#see(nowNs)
    this.#catchUps.advance(untilNs)
    for (const [hash, sign] of this.#pendingHeaders.takeOverdue(untilNs)) this.#judgeOverdue(hash, sign)
    for (const block of this.#open.values())
      if (this.#dueNs(block) <= untilNs && !this.#catchUps.isHeld(block)) this.#conclude(block, untilNs)
  }

  /** Closes the connected blocks, because no more events will come. They are not judged to have come without a race. */
  close(): void {
    for (const block of this.#open.values()) block.excused = true
    this.#catchUps.decide(Number.POSITIVE_INFINITY)
    for (const block of this.#open.values()) if (connectedNsOf(block) !== undefined) this.#close(block)
    this.#catchUps.end()
  }

  /** Excuses the open blocks after a loss: they are not judged by events that did not come. Nothing was lost later than now, if that is given. */
  excuseOpen(nowNs?: number): void {
    for (const block of this.#open.values()) {
      block.excused = true
      block.hasLost = true
      block.isWaiting = false
    }
    this.#missMessages(() => false)
    this.#messagesSinceNs = nowNs
  }

  /** Excuses blocks whose race was still to come when the process ended (CLOCK_MONOTONIC, ns), and waits for no message more. */
  processEnded(nowNs: number): void {
    for (const block of this.#open.values()) if ((connectedNsOf(block) ?? nowNs) > nowNs - RACE_LAG_NS) block.excused = true
    for (const block of this.#complete) this.#close(block)
    this.messagesVisible = false
    this.#forgetRelays(nowNs)
  }

  /** The next process has other peers, of the same numbers: these tell nothing of a block that is connected, and all of one that is not. */
  #forgetRelays(nowNs: number): void {
    this.#relays.clear()
    for (const block of this.#open.values())
      block.relay = connectedNsOf(block) === undefined ? undefined : (block.relay ?? new Relay(nowNs))
  }

  /** From that time on every message is seen. */
  #see(stampNs: number): void {
    if (this.#messagesVisible) this.#messagesSinceNs ??= stampNs
  }

  /** Some messages were not seen: what they told is not known of blocks that are open, nor of those to come. */
  #missMessages(isKept: (block: OpenBlock) => boolean): void {
    for (const block of this.#open.values()) if (!isKept(block)) block.messagesSinceNs = undefined
    this.#messagesSinceNs = undefined
    this.#pendingHeaders.clear()
  }

  #observeBlock(event: HashedEvent): void {
    const { blockHash: hash } = event
    if (hash === undefined) return
    if (event.probe === 'validation:block_connected') this.#observeConnection(hash, event)
    if (this.#closed.has(hash)) return
    const block = this.#open.get(hash) ?? this.#begin(hash, event)
    if (!addEvent(block, event)) return
    if (event.probe === 'validation:block_connected') this.#connect(block, event.stampNs)
    if (event.probe === 'udp:block_race_winner') this.#win(block, event.winner)
    if (event.probe === 'udp:block_race_time') this.#time(block, event.udpNs, event.cmpctNs)
    else if ('height' in event && event.height !== undefined) this.#compete(hash, event, this.#chain.add(hash, event.height))
    const isConnected = connectedNsOf(block) !== undefined || !this.connectionsVisible
    if (isConnected && block.winner && block.race) this.#completed(block, event.stampNs)
  }

  /** Takes the block into the chain, also one that was connected before: it can come back after others. */
  #observeConnection(hash: string, event: EventOf<typeof blockConnected>): void {
    this.#pendingHeaders.delete(hash)
    const { height, stampNs, durationNs } = event
    if (height === undefined) return
    const previous = this.#relays.find(hash)?.header?.previous
    const change = this.#chain.connect({ hash, height, stampNs, durationNs, previous })
    for (const [one, other] of change?.competing ?? []) this.#compete(one, event, other)
    if (change?.reorganisation === undefined) return
    const { hash: first, depth } = change.reorganisation
    const block = this.#open.get(first) ?? (this.#closed.has(first) ? this.#blockOf(first, event) : this.#begin(first, event))
    block.reorganisationDepth = depth
    this.#listener('reorganised', block)
  }

  #observeHeaderChunk(event: HeaderChunk): void {
    const { hashPrefix: prefix } = event
    if (prefix === undefined) return
    const block = this.#openByPrefix.get(prefix)
    if (block) return void addEvent(block, event)
    if (this.#headerChunks.has(prefix)) return
    this.#headerChunks.set(prefix, event)
    if (this.#headerChunks.size > MAX_WAITING) forgetOldest(this.#headerChunks)
  }

  /** A peer sent the header of a block: its height is known where its predecessor's is. Headers without work are not judged. */
  #observeHeader(message: BlockMessage, header: Header): void {
    const parentHeight = this.#chain.heightOf(header.previous)
    if (parentHeight === undefined || this.#catchUps.isActive || !this.#relays.isWorked(header)) return
    const height = parentHeight + 1
    this.#compete(header.hash, message, this.#chain.add(header.hash, height))
    const block = this.#open.get(header.hash)
    const isToCome = height >= (this.#chain.tip ?? 0) && !this.#closed.has(header.hash) && !(block && connectedNsOf(block) !== undefined)
    if (isToCome && this.connectionsVisible && this.#messagesSinceNs !== undefined) this.#pendingHeaders.add(header.hash, message)
  }

  /** Tells of a block that is at one height with another, unless it was told of. */
  #compete(hash: string, sign: Sign, competesWith: string | undefined): void {
    if (competesWith === undefined || this.#closed.has(hash)) return
    const block = this.#open.get(hash) ?? this.#begin(hash, sign)
    if (block.competesWith !== undefined) return
    block.competesWith = competesWith
    this.#listener('competing', block)
  }

  #judgeOverdue(hash: string, sign: Sign): void {
    const relay = this.#relays.find(hash)
    const isReceived = (relay && mayBeComplete(relay)) || this.#open.get(hash)?.events['udp:block_reconstructed']
    if (isReceived || this.#closed.has(hash) || this.#catchUps.isActive) return
    const block = this.#open.get(hash) ?? this.#begin(hash, sign)
    block.isOverdue = true
    this.#listener('overdue', block)
  }

  #begin(hash: string, firstSign: Sign): OpenBlock {
    if (this.#open.size >= MAX_OPEN) this.#makeRoom()
    const block = this.#blockOf(hash, firstSign)
    const prefix = prefixOf(hash)
    this.#open.set(hash, block)
    this.#openByPrefix.set(prefix, block)
    const headerChunk = this.#headerChunks.get(prefix)
    if (headerChunk) addEvent(block, headerChunk)
    this.#headerChunks.delete(prefix)
    return block
  }

  #blockOf(hash: string, { stampNs, unixSeconds }: Sign): OpenBlock {
    return beginBlock({
      node: this.#node,
      hash,
      firstSign: { stampNs, unixSeconds },
      relay: this.#relays.find(hash),
      messagesSinceNs: this.#messagesSinceNs,
      excused: !this.racesVisible,
    })
  }

  #connect(block: OpenBlock, stampNs: number): void {
    this.#catchUps.connected(block)
    if (!this.#catchUps.isActive || isNews(block, stampNs)) this.#tellConnected(block)
    if (block.relay) this.#join(block, block.relay)
    for (const announcement of block.relay?.announcements ?? []) this.#count(block.relay as Relay, announcement)
  }

  #tellConnected(block: OpenBlock): void {
    if (!block.isToldConnected) this.#listener('connected', block)
    block.isToldConnected = true
  }

  #joinOpen(hash: string, relay: Relay): void {
    const block = this.#open.get(hash)
    if (block && block.relay === undefined) this.#join(block, relay)
  }

  /** Joins what messages told to a block. */
  #join(block: OpenBlock, relay: Relay): void {
    block.relay = relay
    const stampNs = connectedNsOf(block)
    if (stampNs !== undefined) this.#relays.connected(relay, stampNs)
  }

  /** Tells of an announcement, if it is one of a connected block's relay: a peer can name a block long after, when it connects. */
  #count({ announcements: [first], connectedNs, isLogged }: Relay, announcement: Announcement): void {
    if (first === undefined || connectedNs === undefined || isLogged) return
    const lagNs = announcement.stampNs - first.stampNs
    if (lagNs > RELAY_WAIT_NS || announcement.stampNs - connectedNs > RELAY_WAIT_NS) return
    this.#options.onAnnouncement?.({ message: announcement.message, lagSeconds: announcement === first ? undefined : lagNs / 1e9 })
  }

  #win(block: OpenBlock, winner: string | undefined): void {
    if (winner === undefined) return
    block.winner = mechanismOf(winner)
    for (const racer of racers) this.#sinceWin[racer] = racer === block.winner ? 0 : this.#sinceWin[racer] + 1
    block.sinceWin = { ...this.#sinceWin }
    this.#listener('won', block)
    if (block.race !== undefined) this.#listener('decided', block)
  }

  #time(block: OpenBlock, udpNs: number | undefined, cmpctNs: number | undefined): void {
    if (udpNs === undefined || cmpctNs === undefined) return
    block.race = raceOf(udpNs, cmpctNs)
    if (block.race === undefined) return
    this.#listener('timed', block)
    if (block.winner !== undefined) this.#listener('decided', block)
  }

  #completed(block: OpenBlock, stampNs: number): void {
    if (block.completeNs !== undefined) return
    block.completeNs = stampNs
    this.#complete.add(block)
    if (this.#complete.size > MAX_COMPLETE) for (const oldest of [...this.#complete.values().take(CLOSE_TOGETHER)]) this.#close(oldest)
  }

  #dueNs(block: OpenBlock): number {
    const connected = connectedNsOf(block)
    if (block.isWaiting && connected !== undefined) {
      const lateNs = block.relay?.firstCompactNs
      return lateNs === undefined ? connected + RELAY_WAIT_NS : lateNs + LATE_WAIT_NS
    }
    if (block.completeNs !== undefined) return block.completeNs + LATE_WAIT_NS
    return connected === undefined ? block.firstSign.stampNs + (this.#options.connectWaitNs ?? CONNECT_WAIT_NS) : connected + RACE_WAIT_NS
  }

  /** Closes a block that is due, unless its race may still be completed. */
  #conclude(block: OpenBlock, untilNs: number): void {
    const isWaiting = block.isWaiting
    block.isWaiting = this.#messagesVisible && isCompletable(block)
    if (this.#dueNs(block) <= untilNs) this.#close(block)
    else if (!isWaiting) this.#listener('waiting', block)
  }

  #makeRoom(): void {
    const oldest = [...this.#open.values().take(CLOSE_TOGETHER)]
    for (const block of oldest) this.#catchUps.settle(block)
    for (const block of oldest) if (!block.isCaughtUp) this.#close(block)
  }

  #close(block: OpenBlock): void {
    this.#forget(block)
    const isConnected = connectedNsOf(block) !== undefined
    if (isConnected) this.#tellConnected(block)
    block.withoutRace = isConnected && !hasRace(block) && !block.excused
    if (block.withoutRace) this.#listener('withoutRace', block)
    block.measuredHeadStartSeconds = measuredHeadStart(block)
    if (block.measuredHeadStartSeconds !== undefined) this.#listener('measured', block)
    this.#listener('closed', block)
  }

  #catchUp(block: OpenBlock): void {
    this.#forget(block)
    block.isCaughtUp = true
    this.#listener('caughtUp', block)
  }

  #forget(block: OpenBlock): void {
    this.#open.delete(block.hash)
    this.#openByPrefix.delete(prefixOf(block.hash))
    this.#complete.delete(block)
    this.#catchUps.closed(block)
    this.#rememberClosed(block.hash)
  }

  #rememberClosed(hash: string): void {
    this.#closed.add(hash)
    if (this.#closed.size > MAX_CLOSED) forgetOldest(this.#closed)
  }
}

/** The part of a hash that a header chunk carries: its first 8 little-endian bytes. */
const prefixOf = (hash: string) => hash.slice(-16)
