import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { BlockRecord } from '../blocks/record.ts'
import type { SlowThresholds } from '../blocks/severity.ts'
import type { Answer, Route } from '../http/answer.ts'
import { shareLast } from './answer-cache.ts'
import { blocksApi, statusApi } from './api.ts'
import { event, Streams } from './event-streams.ts'
import { History } from './history.ts'
import { explaining, readQuery } from './query.ts'
import type { Status } from './status.ts'
import { blockPage } from './views/block-page.ts'
import { blockRow } from './views/block-row.ts'
import { content, MOST_BLOCKS, type Part, page, partsOf } from './views/page.ts'

/** Changes within this time are told together: a block's are, mostly. */
const GATHER_MS = 250

export interface LiveOptions {
  readonly status: () => Status
  readonly thresholds: SlowThresholds
  readonly log: Logger
}

/** The page, kept up to date while it is open, and the JSON behind it. Nothing is rendered while no page is open. */
export class Live {
  readonly routes: Readonly<Record<string, Route>>
  readonly #options: LiveOptions
  readonly #history = new History()
  readonly #streams = new Streams(() => this.#now())
  /** Parts as pages show them, or will with the next push. */
  readonly #parts = new Map<string, string>()
  readonly #changedParts = new Set<string>()
  readonly #changedBlocks = new Set<string>()
  /** Tells states of things apart, also from those of another life of the agent. */
  readonly #life = randomUUID()
  readonly #sharePage = shareLast()
  #changes = 0
  #timer: NodeJS.Timeout | undefined
  #isFailing = false

  constructor(options: LiveOptions) {
    this.#options = options
    this.routes = {
      '/': () => this.#page(),
      '/block': blockPage(this.#history),
      '/live': explaining((request) => {
        const { version } = readQuery(request, ['version'])
        return this.#streams.open(() => this.#greeting(version))
      }),
      '/api/v1/status': statusApi(options.status, this.#history),
      '/api/v1/blocks': blocksApi(this.#history),
    }
  }

  /** Takes in records of earlier, oldest first. */
  seed(records: Iterable<BlockRecord>): void {
    for (const record of records) this.#history.put(record, true)
    this.#changes++
  }

  /** Takes in what is known of a block by now; `isFinal` when that is all. */
  update(record: BlockRecord, isFinal: boolean): void {
    this.#history.put(record, isFinal)
    this.#changes++
    if (this.#streams.size === 0) return
    this.#changedBlocks.add(record.block_hash)
    this.changed()
  }

  /** Whether anybody looks who would see a block grow. */
  get isWatched(): boolean {
    return this.#streams.size > 0
  }

  /** The state may be another: to be called when a node comes or goes, and every second or so. */
  changed(): void {
    if (this.#streams.size > 0) this.#timer ??= setTimeout(() => this.#tryPush(), GATHER_MS)
  }

  /** Ends all streams at once. To be called before the server is closed. */
  close(): void {
    clearTimeout(this.#timer)
    this.#streams.close()
  }

  get #version(): string {
    return `${this.#life}.${this.#changes}`
  }

  #now(): string {
    return event('now', JSON.stringify({ time: Date.now(), version: this.#version }))
  }

  #page(): Answer {
    const status = this.#options.status()
    const parts = this.#look(status)
    return this.#sharePage(`${this.#version} ${this.#history.changes}`, () =>
      page(status, parts, this.#history.latest(MOST_BLOCKS), this.#options.thresholds, this.#version),
    )
  }

  /** A page that shows what is the case has missed nothing; any other is told all. */
  #greeting(version: string | undefined): string {
    const isFirst = this.#streams.size === 0
    const missed = version === this.#version ? '' : this.#everything()
    if (isFirst) this.#changedParts.clear()
    return missed + this.#now()
  }

  #everything(): string {
    const [banner, ...cards] = this.#look(this.#options.status())
    const everything = content(cards, this.#history.latest(MOST_BLOCKS), this.#options.thresholds)
    return event('content', everything.markup) + event('part', banner?.markup.markup ?? '')
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
    const parts = this.#look(this.#options.status()).filter(({ id }) => this.#changedParts.has(id))
    // Oldest first: a page puts each before those that are older.
    const blocks = this.#history
      .latest(MOST_BLOCKS)
      .filter(({ record }) => this.#changedBlocks.has(record.block_hash))
      .reverse()
    this.#changedParts.clear()
    this.#changedBlocks.clear()
    if (parts.length + blocks.length === 0) return
    const rows = blocks.map((held) => event('row', blockRow(held, this.#options.thresholds).markup))
    this.#streams.send([...parts.map(({ markup }) => event('part', markup.markup)), ...rows, this.#now()].join(''))
  }

  /** Renders the parts and marks those that are other than pages show them. */
  #look(status: Status): readonly Part[] {
    this.#history.trim()
    const parts = partsOf(status, this.#history, this.#options.thresholds)
    for (const { id, markup } of parts) {
      if (this.#parts.get(id) === markup.markup) continue
      this.#parts.set(id, markup.markup)
      this.#changedParts.add(id)
      this.#changes++
    }
    return parts
  }
}

/** Opens the page and the JSON behind it: `routes` go to a server. */
export function openLive(options: LiveOptions): Live {
  return new Live(options)
}
