import type { Logger } from 'pino'
import type { BlockRecord } from '../blocks/record.ts'
import type { SlowThresholds } from '../blocks/severity.ts'
import type { Snapshot } from '../nodes/snapshot.ts'
import type { PageAnswer, PageRequest, PageRoute } from './answer.ts'
import { answerCache } from './answer-cache.ts'
import { blocksRoute, statusRoute } from './api.ts'
import { EventStreams, serverSentEvent } from './event-streams.ts'
import { History } from './history.ts'
import { readBlockHash, readParameters, refusingBadQueries } from './query.ts'
import { renderBlockPage } from './views/block-page.ts'
import { renderRow } from './views/block-row.ts'
import { type Part, renderContent, renderPage, renderParts, SHOWN_BLOCKS } from './views/page.ts'

/** Changes within this time are sent together; most of a block's are. */
const BATCH_MS = 250

interface LiveOptions {
  readonly snapshot: () => Snapshot
  readonly thresholds: SlowThresholds
  readonly log: Logger
}

/** The page, kept up to date while it is open, and the JSON behind it. Nothing is rendered while no page is open. */
export class Live {
  readonly routes: Readonly<Record<string, PageRoute>>
  readonly #options: LiveOptions
  readonly #history = new History()
  readonly #streams = new EventStreams(() => this.#now())
  /** Markup of each part as pages show it, or will after the next push. */
  readonly #parts = new Map<string, string>()
  readonly #changedParts = new Set<string>()
  readonly #changedBlocks = new Set<string>()
  /** Distinguishes versions of this process from those of another. */
  readonly #processId = performance.timeOrigin.toString(36)
  readonly #pageCache = answerCache()
  readonly #blockCache = answerCache()
  /** Whether pages show a block that is none any more. */
  #isOutdated = false
  #changes = 0
  #timer: NodeJS.Timeout | undefined
  #isFailing = false

  constructor(options: LiveOptions) {
    this.#options = options
    this.routes = {
      '/': () => this.#page(),
      '/block': refusingBadQueries((request) => this.#blockPage(request)),
      '/live': refusingBadQueries((request) => {
        const { version } = readParameters(request, ['version'])
        return this.#streams.open(() => this.#greeting(version))
      }),
      '/api/v1/status': statusRoute(options.snapshot, this.#history),
      '/api/v1/blocks': blocksRoute(this.#history),
    }
  }

  /** Adds earlier records, oldest first. */
  seed(records: Iterable<BlockRecord>): void {
    for (const record of records) this.#history.put(record, true)
    this.#changes++
  }

  /** Replaces what is known of a block; `isFinal` when no more will be. */
  update(record: BlockRecord, isFinal: boolean): void {
    this.#history.put(record, isFinal)
    this.#changes++
    if (this.#streams.size === 0) return
    this.#changedBlocks.add(record.block_hash)
    this.changed()
  }

  /** Takes back what is known of a block that is not final. */
  remove(block: { readonly node: string; readonly hash: string }): void {
    if (!this.#history.remove(block)) return
    this.#changes++
    this.#isOutdated = this.#streams.size > 0
    this.changed()
  }

  /** Whether a page is open, which would show a block that is not final. */
  get isWatched(): boolean {
    return this.#streams.size > 0
  }

  /** Schedules a push of the state, if a page is open: called when a node comes or goes, and once a second. */
  changed(): void {
    if (this.#streams.size > 0) this.#timer ??= setTimeout(() => this.#tryPush(), BATCH_MS)
  }

  /** Ends all streams at once; called before the server is closed. */
  close(): void {
    clearTimeout(this.#timer)
    this.#streams.close()
  }

  /** State of things that a page shows. */
  get #version(): string {
    return `${this.#processId}.${this.#changes}`
  }

  #now(): string {
    return serverSentEvent('now', JSON.stringify({ time: Date.now(), version: this.#version }))
  }

  #page(): PageAnswer {
    const snapshot = { ...this.#options.snapshot() } // a copy: readiness is looked up once, for title and banner
    const parts = this.#renderParts(snapshot)
    return this.#pageCache(`${this.#version} ${this.#history.changes}`, () =>
      renderPage(snapshot, parts, this.#history.latest(SHOWN_BLOCKS), this.#options.thresholds, this.#version),
    )
  }

  #blockPage(request: PageRequest): PageAnswer {
    const { hash = '' } = readParameters(request, ['hash'])
    const known = readBlockHash('hash', hash)
    return this.#blockCache(`${this.#history.changes} ${hash}`, () => renderBlockPage(hash, this.#history.find(known)))
  }

  /** A page that shows this version has missed nothing; any other gets everything. */
  #greeting(version: string | undefined): string {
    const isFirst = this.#streams.size === 0
    const missed = version === this.#version ? '' : this.#everything()
    if (isFirst) this.#changedParts.clear()
    return missed + this.#now()
  }

  #everything(): string {
    const [banner, ...cards] = this.#renderParts(this.#options.snapshot())
    const everything = renderContent(cards, this.#history.latest(SHOWN_BLOCKS), this.#options.thresholds)
    return serverSentEvent('content', everything.markup) + serverSentEvent('part', banner?.markup.markup ?? '')
  }

  #tryPush(): void {
    this.#timer = undefined
    try {
      this.#push()
      this.#isFailing = false
    } catch (err) {
      if (!this.#isFailing) this.#options.log.error({ err }, 'cannot keep the page up to date')
      this.#isFailing = true
    }
  }

  #push(): void {
    if (this.#isOutdated) {
      this.#isOutdated = false
      this.#changedBlocks.clear()
      this.#streams.send(this.#everything() + this.#now())
      this.#changedParts.clear()
      return
    }
    const parts = this.#renderParts(this.#options.snapshot()).filter(({ id }) => this.#changedParts.has(id))
    // Oldest first: a page puts each before those that are older.
    const blocks = this.#history
      .latest(SHOWN_BLOCKS)
      .filter(({ record }) => this.#changedBlocks.has(record.block_hash))
      .reverse()
    this.#changedParts.clear()
    this.#changedBlocks.clear()
    if (parts.length + blocks.length === 0) return
    const rows = blocks.map((held) => serverSentEvent('row', renderRow(held, this.#options.thresholds).markup))
    this.#streams.send([...parts.map(({ markup }) => serverSentEvent('part', markup.markup)), ...rows, this.#now()].join(''))
  }

  /** Renders the parts and marks those that differ from what pages show. */
  #renderParts(snapshot: Snapshot): readonly Part[] {
    this.#history.trim()
    const parts = renderParts(snapshot, this.#history, this.#options.thresholds)
    for (const { id, markup } of parts) {
      if (this.#parts.get(id) === markup.markup) continue
      this.#parts.set(id, markup.markup)
      this.#changedParts.add(id)
      this.#changes++
    }
    return parts
  }
}

/** Opens the page and the JSON behind it; its `routes` go to a server. */
export function openLive(options: LiveOptions): Live {
  return new Live(options)
}
