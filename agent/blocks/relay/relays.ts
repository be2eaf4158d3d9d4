import { forgetOldest } from '../forget-oldest.ts'
import { type Header, targetOf } from './header.ts'
import type { BlockMessage } from './message.ts'
import { Relay } from './relay.ts'

/** Blocks of which messages are remembered: of the last day. */
const MAX_RELAYS = 128
/** Those whose header has so little work that it cost nobody anything; they do not push out others. */
const MAX_DOUBTFUL = 64
/** From one block to the next the difficulty falls to a quarter at most. */
const MOST_EASING = 4n
/** More headers than that in one message are no news, but a chain that the node catches up with. */
const MOST_NEW_HEADERS = 8
/** A peer that sent so many may send the last of them in a small message, by then. */
const SYNC_NS = 60e9

/** Messages about blocks, by the block's hash. Memory is bounded whatever comes. */
export class Relays {
  readonly #relays = new Map<string, Relay>()
  readonly #doubtful = new Map<string, Relay>()
  /** Target of the last connected block whose header is known. */
  #target: bigint | undefined
  /** The peer that sent many headers last. */
  #sync: { readonly peer: number; readonly stampNs: number } | undefined

  find(hash: string): Relay | undefined {
    return this.#relays.get(hash) ?? this.#doubtful.get(hash)
  }

  /** Returns what is known of the block that a message tells of; `undefined` where that is no news. */
  of(message: BlockMessage): Relay | undefined {
    return this.#isSync(message) ? undefined : this.ofBlock(message)
  }

  /** Returns what is known of a block, be it nothing yet. */
  ofBlock(sign: Pick<BlockMessage, 'hash' | 'header' | 'stampNs'>): Relay {
    return this.find(sign.hash) ?? this.#begin(sign)
  }

  /** The block was connected: its header has as much work as a header has to have now. */
  connected(relay: Relay, stampNs: number): void {
    relay.connectedNs = stampNs
    if (relay.header) this.#target = targetOf(relay.header)
  }

  /** Reports whether a header has about as much work as that of the last connected block; nobody invents one that has. */
  isWorked(header: Header): boolean {
    return this.#target !== undefined && targetOf(header) <= this.#target * MOST_EASING
  }

  /** Forgets what the peers of a process said that ended. */
  clear(): void {
    this.#relays.clear()
    this.#doubtful.clear()
    this.#sync = undefined
  }

  #isSync({ type, isInbound, headers = 0, peer, stampNs }: BlockMessage): boolean {
    if (type !== 'headers') return false
    if (headers <= MOST_NEW_HEADERS) return isInbound && this.#sync?.peer === peer && stampNs - this.#sync.stampNs < SYNC_NS
    if (isInbound) this.#sync = { peer, stampNs }
    return true
  }

  #begin({ hash, header, stampNs }: Pick<BlockMessage, 'hash' | 'header' | 'stampNs'>): Relay {
    const relay = new Relay(stampNs)
    const isDoubtful = header !== undefined && this.#target !== undefined && !this.isWorked(header)
    const [relays, most] = isDoubtful ? [this.#doubtful, MAX_DOUBTFUL] : [this.#relays, MAX_RELAYS]
    if (relays.size >= most) forgetOldest(relays)
    relays.set(hash, relay)
    return relay
  }
}
