import type { Logger } from 'pino'
import { type TracepointEvent, tracepoints } from '../../tracepoints/index.ts'
import type { Attachment, EventHandler, EventSource, NodeProcess, ReplayState } from '../source.ts'
import { addTotal, type Total, totalOfHit } from '../totals.ts'
import { isTimeOfDay, parseLine, type RecordedEvent } from './format.ts'
import { readLines } from './lines.ts'
import { Pace } from './pace.ts'
import { Progress } from './progress.ts'
import { type Survey, surveyRecording } from './survey.ts'
import { SETTLE_NS, Timeline } from './timeline.ts'

const TICK_NS = 1e9
/** A longer gap between two events passes as if it were that long. */
const LONGEST_GAP_TICKS = 60

export interface ReplayOptions {
  readonly file: string
  /** 1 is real time, 10 ten times as fast, Infinity as fast as possible. */
  readonly speed: number
  readonly log: Logger
}

/** Is told of nodes as of those that run. */
export interface PlayedNodes {
  processStarted(process: NodeProcess): void
  tick(): void
}

/** Numbers of lines of a recording that were events, and that were not. */
export interface Replayed {
  readonly events: number
  readonly unreadable: number
}

/** Opens a recording. Fails, naming it, if it cannot be read or holds no event. */
export async function openReplay(options: ReplayOptions): Promise<ReplaySource> {
  return new ReplaySource(options, await surveyRecording(options.file, options.log))
}

/** Events of a recording, in the recording's time. */
export class ReplaySource implements EventSource {
  readonly #options: ReplayOptions
  readonly #survey: Survey
  readonly #pace: Pace
  readonly #timeline = new Timeline()
  readonly #totals = new Map<string, Total>()
  readonly #closing = new AbortController()
  #tickNs: number
  #eventNs: number | undefined
  #line = 0
  #events = 0
  #unreadable = 0
  #hasSkipped = false
  #running: Promise<unknown> | undefined
  #state: ReplayState = 'replaying'
  #handler: EventHandler | undefined

  constructor(options: ReplayOptions, survey: Survey) {
    this.#options = options
    this.#survey = survey
    this.#pace = new Pace(options.speed, this.#closing.signal)
    this.#tickNs = survey.firstNs
  }

  start(handler: EventHandler): void {
    this.#handler = handler
  }

  get file(): string {
    return this.#survey.file
  }

  get replay(): ReplayState {
    return this.#state
  }

  /** Those in the recording. */
  get nodes(): readonly string[] {
    return [...this.#survey.nodes.keys()]
  }

  /** Stands at the last tick while no event is handed on: whoever looks in between judges nothing that the next replay would not. */
  now(): number {
    return this.#eventNs ?? this.#tickNs
  }

  attach({ node }: NodeProcess): Attachment {
    const recorded = this.#survey.nodes.get(node)
    if (recorded === undefined) throw new Error(`${this.#survey.file} holds no event of ${node}`)
    const reason = 'the recording holds no event of it'
    const probes = tracepoints.map(({ probe }) =>
      recorded.has(probe) ? { probe, offered: true, attached: true } : { probe, offered: false, attached: false, reason },
    )
    const close = async () => {
      this.close() // the nodes of a recording end together
      await this.#running
    }
    return { probes, silentProbes: () => [], close }
  }

  drain(): void {}

  totals(): readonly Total[] {
    return [...this.#totals.values()]
  }

  /** The nodes of a recording are never forgotten. */
  forget(): void {}

  backlogSeconds(): number {
    return 0
  }

  /** Ends `run` where it is. */
  close(): void {
    this.#closing.abort()
  }

  /** Starts the nodes of the recording, as if they ran, and hands on every event. */
  async play(nodes: PlayedNodes): Promise<void> {
    for (const node of this.nodes) nodes.processStarted({ node, pid: 0, executable: this.file })
    await this.run(() => nodes.tick())
  }

  /** Hands on every event, in order, and calls `tick` once for each second of the recording's time. */
  run(tick: () => void): Promise<Replayed> {
    const running = this.#replay(tick)
    this.#running = running
    return running
  }

  async #replay(tick: () => void): Promise<Replayed> {
    const { file } = this.#survey
    const { speed, log } = this.#options
    log.info({ file, nodes: this.nodes, speed: Number.isFinite(speed) ? speed : 'max' }, 'replaying')
    this.#pace.startAt(this.#tickNs)
    try {
      await this.#handOnAll(tick)
    } catch (error) {
      log.error({ file, err: error }, 'cannot read on in the recording: it ends here')
    }
    if (!this.#isClosed) {
      this.#tickNs = Math.max(this.#timeline.latestNs, this.#tickNs) + SETTLE_NS
      this.#tell(tick)
    }
    this.#state = 'replayed'
    log.info({ file, ...this.#replayed }, this.#isClosed ? 'replay stopped' : 'replayed')
    return this.#replayed
  }

  async #handOnAll(tick: () => void): Promise<void> {
    const { file, size } = this.#survey
    const progress = new Progress(size, this.#options.log, 'replaying')
    for await (const { lines, bytes } of readLines(file, size)) {
      for (const text of lines) {
        const event = this.#understand(text)
        if (event === undefined) continue
        const stampNs = this.#timeline.place(event.tsNs)
        await this.#passTo(stampNs, tick)
        if (this.#isClosed) return
        this.#handOn(event, stampNs)
      }
      progress.at(bytes)
    }
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted
  }

  get #replayed(): Replayed {
    return { events: this.#events, unreadable: this.#unreadable }
  }

  #understand(text: string | undefined): RecordedEvent | undefined {
    this.#line++
    if (text?.trim() === '') return undefined
    const event = text === undefined ? { fault: 'it is too long' } : parseLine(text)
    if (!('fault' in event)) return event
    this.#unreadable++
    if (this.#unreadable === 1)
      this.#options.log.warn(
        { file: this.#survey.file, line: this.#line, reason: event.fault },
        'cannot understand a line of the recording; further ones are only counted',
      )
    return undefined
  }

  /** Lets the time until then pass, or until closed. */
  async #passTo(stampNs: number, tick: () => void): Promise<void> {
    for (let ticks = 0; this.#tickNs + TICK_NS <= stampNs; ticks++) {
      if (ticks === LONGEST_GAP_TICKS) this.#skipTo(stampNs)
      else this.#tickNs += TICK_NS
      await this.#pace.until(this.#tickNs)
      if (this.#isClosed) return
      this.#tell(tick)
    }
    await this.#pace.until(stampNs)
  }

  /** Whatever that comes to: the recording goes on. */
  #tell(tick: () => void): void {
    try {
      tick()
    } catch (error) {
      this.#handler?.error(error)
    }
  }

  #skipTo(stampNs: number): void {
    const seconds = Math.round((stampNs - this.#tickNs) / 1e9)
    this.#tickNs = stampNs
    this.#pace.startAt(stampNs)
    if (!this.#hasSkipped && Number.isFinite(this.#options.speed))
      this.#options.log.info({ seconds }, 'a gap of over a minute is replayed as one minute, and so are further ones')
    this.#hasSkipped = true
  }

  #handOn(recorded: RecordedEvent, stampNs: number): void {
    this.#events++
    const { tracepoint, node, args } = recorded
    if (tracepoint.isRecorded) this.#handOnEvent(recorded, stampNs)
    else addTotal(this.#totals, totalOfHit(node, tracepoint.probe, tracepoint.counted, args))
  }

  #handOnEvent({ tracepoint, node, tsNs, unixUs, args, failed }: RecordedEvent, stampNs: number): void {
    const clock = this.#survey.clocks.get(this.#timeline.run)
    const readUs = clock && clock.unixUs + Math.round((tsNs - clock.tsNs) / 1e3)
    const unixSeconds = ([unixUs, readUs, stampNs / 1e3].find(isTimeOfDay) ?? 0) / 1e6
    this.#eventNs = stampNs
    try {
      const event = { probe: tracepoint.probe, node, stampNs, unixSeconds, ...args }
      this.#handler?.event(event as TracepointEvent, tracepoint, failed)
    } catch (error) {
      this.#handler?.error(error)
    }
    this.#eventNs = undefined
  }
}
