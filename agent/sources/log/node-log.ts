import { Connecting } from './connecting.ts'
import type { FollowerHandler } from './follower.ts'
import { mayTell, parseMessage, type Said, type SaidEvent, type Step } from './messages.ts'
import { ObservedSettings } from './observed-settings.ts'
import { type LogLine, parsePrefix } from './prefix.ts'
import { Relaying, type SaidMessage } from './relaying.ts'

/** A log without times that is larger than this after it was cut holds what it held before: bitcoind keeps 10 MB. */
const MOST_FRESH_BYTES = 1024 * 1024
/** So many lines without a time, one after another, are of a log without times. */
const UNTIMED = 64
/** Length of the time that a line tells without fractions. */
const SECOND_US = 1_000_000

export interface NodeLogHandler {
  event(event: SaidEvent, unixUs: number): void
  message(message: SaidMessage): void
  /** A header that was not known. */
  header(byCompactBlock: boolean): void
  gap(reason: string): void
  /** After lines were taken in, when other settings are observed. */
  observed(): void
}

interface Skipping {
  readonly untilUs: number
  readonly wasCut: boolean
  /** Whether the file is known to begin with lines that were read. */
  isDecided: boolean
  untimed: number
}

/** Makes events of the lines of one node's debug.log. */
export class NodeLog implements FollowerHandler {
  readonly settings = new ObservedSettings()
  readonly #handler: NodeLogHandler
  readonly #nowUs: () => number
  readonly #connecting = new Connecting()
  readonly #relaying = new Relaying(this.settings)
  /** Hash of a header whose line names no peer: of one that a compact block brought a second line follows. */
  #unnamed: string | undefined
  /** Time of the last line; at first, of the start, since a log that comes later may be an old one. */
  #lastUs: number | undefined
  /** Lines that are skipped after another file was begun: until one is newer than the last that was read. */
  #skipping: Skipping | undefined

  constructor(handler: NodeLogHandler, nowUs: () => number = () => Date.now() * 1e3) {
    this.#handler = handler
    this.#nowUs = nowUs
    this.#lastUs = nowUs() - SECOND_US
  }

  survey(lines: readonly string[]): void {
    this.#lastUs = undefined
    this.#noteTime(lines)
    for (const text of lines) {
      if (!mayTell(text)) continue
      const line = parsePrefix(text)
      const said = parseMessage(line.message)
      this.settings.take(line, said)
      for (const one of said) if ('step' in one) this.#connecting.take(one, line.unixUs ?? 0)
    }
  }

  begun({ wasCut, size }: { readonly wasCut: boolean; readonly size: number }): boolean {
    // A clock that was set back makes every new line seem old.
    if (this.#lastUs !== undefined && this.#lastUs > this.#nowUs() + SECOND_US) this.#lastUs = undefined
    this.#skipping = this.#lastUs === undefined ? undefined : { untilUs: this.#lastUs, wasCut, isDecided: false, untimed: 0 }
    if (this.#skipping !== undefined || !wasCut) return true
    this.gap('the log was cut')
    return size <= MOST_FRESH_BYTES
  }

  lines(lines: readonly string[]): void {
    for (const text of lines) {
      const isCandidate = mayTell(text)
      if (!isCandidate && this.#skipping === undefined) continue
      const line = parsePrefix(text)
      if (this.#skipping !== undefined && this.#isOld(line, this.#skipping)) continue
      if (isCandidate) this.#take(line)
    }
    this.#noteTime(lines)
    this.#handler.observed()
  }

  gap(reason: string): void {
    this.#tellUnnamed()
    this.#connecting.forget()
    this.#relaying.forget()
    this.#handler.gap(reason)
  }

  /** No line comes any more. */
  close(): void {
    this.#tellUnnamed()
  }

  /** A file that begins with older lines than the last one that was read holds what was read, and what is newer is news. */
  #isOld({ unixUs }: LogLine, skipping: Skipping): boolean {
    if (unixUs === undefined) {
      skipping.untimed++ // the rest of a line that was cut off, or an empty one
      if (skipping.untimed >= UNTIMED) this.#skipping = undefined
      return true
    }
    skipping.untimed = 0
    if (!skipping.isDecided && unixUs >= skipping.untilUs) {
      this.#skipping = undefined
      if (skipping.wasCut) this.gap('the log was cut, and what was not read by then is gone')
      return false
    }
    skipping.isDecided = true
    if (unixUs <= skipping.untilUs) return true
    this.#skipping = undefined
    return false
  }

  #take(line: LogLine): void {
    const said = parseMessage(line.message)
    this.settings.take(line, said)
    const unixUs = this.#timeOf(line)
    for (const one of said) this.#tell(one, unixUs)
  }

  #tell(said: Said, unixUs: number): void {
    const isHeader = 'step' in said && said.step === 'header'
    this.#tellUnnamed(isHeader && said.byCompactBlock ? said.hash : undefined)
    if ('probe' in said) {
      this.#tellEvent(said, unixUs)
      return
    }
    if (isHeader) this.#tellHeader(said)
    for (const message of this.#relaying.take(said, unixUs)) this.#handler.message(message)
    const connected = this.#connecting.take(said, unixUs)
    if (connected) this.#handler.event(connected.event, connected.unixUs)
  }

  #tellHeader({ hash, peer, byCompactBlock }: Extract<Step, { step: 'header' }>): void {
    if (peer === undefined && !byCompactBlock) this.#unnamed = hash
    else this.#handler.header(byCompactBlock)
  }

  /** Tells of the header whose line named no peer, unless this is its second line. */
  #tellUnnamed(byCompactBlock?: string): void {
    if (this.#unnamed !== undefined && this.#unnamed !== byCompactBlock) this.#handler.header(false)
    this.#unnamed = undefined
  }

  #tellEvent(said: SaidEvent, unixUs: number): void {
    const isCompact = said.probe === 'net:compact_block_reconstructed'
    const { event, messages } = isCompact ? this.#relaying.complete(said) : { event: said, messages: [] }
    for (const message of messages) this.#handler.message(message)
    this.#handler.event(event, unixUs)
  }

  /** Without fractions of a second, the time at which the line was read is nearer, as long as it lies within that second. */
  #timeOf({ unixUs, hasMicros }: LogLine): number {
    const nowUs = this.#nowUs()
    if (unixUs === undefined || hasMicros) return unixUs ?? nowUs
    return Math.min(Math.max(nowUs, unixUs), unixUs + SECOND_US - 1)
  }

  #noteTime(lines: readonly string[]): void {
    const last = lines.findLast((text) => parsePrefix(text).unixUs !== undefined)
    if (last !== undefined) this.#lastUs = parsePrefix(last).unixUs
  }
}
