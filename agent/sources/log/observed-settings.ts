import type { LogSetting } from './log-settings.ts'
import type { Said } from './messages.ts'
import type { LogLine } from './prefix.ts'

/** So many headers in a row came of whose messages nothing was told: one or two compact blocks may have been known already. */
const UNTOLD = 3

/** Judges by the lines of a debug.log what its bitcoind was told to write. */
export class ObservedSettings {
  #isFibre = false
  #isTipSeen = false
  #hasBench: boolean | undefined
  #hasCompactBlocks: boolean | undefined
  #hasNet: boolean | undefined
  #hasTime: boolean | undefined
  #hasMicros: boolean | undefined
  /** Whether a line of bench came since the last tip; `undefined` before the first tip. */
  #isBenchSeen: boolean | undefined
  /** Headers since the last line of each category; for `net` one of each tip, since one message may bring many. */
  #untold = { cmpctblock: 0, net: 0 }
  #isHeaderSinceTip = false

  /** Whether it is a FIBRE node's. */
  get isFibre(): boolean {
    return this.#isFibre
  }

  /** Whether it is known if it is a FIBRE node's, which need not write a line of FIBRE between two blocks. */
  get isKindKnown(): boolean {
    return this.#isFibre || this.#isTipSeen
  }

  /** Settings that are known to be missing. */
  get missing(): readonly LogSetting[] {
    const missing: LogSetting[] = []
    if (this.#hasBench === false) missing.push('bench')
    if (this.#hasCompactBlocks === false) missing.push('cmpctblock')
    if (this.#hasNet === false) missing.push('net')
    if (this.#hasTime === false) missing.push('timestamps')
    else if (this.#hasMicros === false) missing.push('micros')
    return missing
  }

  take({ unixUs, hasMicros }: LogLine, said: readonly Said[]): void {
    if (said.length === 0) return
    this.#hasTime = unixUs !== undefined
    this.#hasMicros = hasMicros
    for (const one of said) this.#take(one)
  }

  #take(said: Said): void {
    if ('probe' in said) {
      if (said.probe.startsWith('udp:')) this.#isFibre = this.#isBenchSeen = true
      if (said.probe === 'net:compact_block_reconstructed') this.#compactBlockTold()
    } else if (said.step === 'fibre') this.#isFibre = true
    else if (said.step === 'started') this.#started()
    else if (said.step === 'header') this.#headerTold(said.byCompactBlock)
    else if (said.step === 'compactBlock') this.#compactBlockTold()
    else if (said.step === 'tip') this.#tip()
    else if (said.step === 'received' || said.step === 'requested' || said.step === 'whole' || said.step === 'sent') this.#netTold()
    else if (said.step !== 'loaded') this.#isBenchSeen = true
  }

  /** It may have been told anew. */
  #started(): void {
    this.#isBenchSeen = this.#hasBench = this.#hasCompactBlocks = this.#hasNet = undefined
    this.#untold = { cmpctblock: 0, net: 0 }
    this.#isHeaderSinceTip = false
  }

  #tip(): void {
    this.#isTipSeen = true
    if (this.#isBenchSeen !== undefined) this.#hasBench = this.#isBenchSeen
    this.#isBenchSeen = false
    this.#isHeaderSinceTip = false
  }

  #headerTold(byCompactBlock: boolean): void {
    if (!this.#isHeaderSinceTip) this.#untold.net++
    this.#isHeaderSinceTip = true
    if (byCompactBlock) this.#untold.cmpctblock++
    if (this.#untold.net >= UNTOLD) this.#hasNet = false
    if (this.#untold.cmpctblock >= UNTOLD) this.#hasCompactBlocks = false
  }

  #compactBlockTold(): void {
    this.#hasCompactBlocks = true
    this.#untold.cmpctblock = 0
  }

  #netTold(): void {
    this.#hasNet = true
    this.#untold.net = 0
  }
}
