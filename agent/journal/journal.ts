import type { Logger } from 'pino'
import type { BlockRecord } from '../blocks/record.ts'
import { faultOf } from './fault.ts'
import { type JournalFile, NotAJournalError, openJournalFile } from './journal-file.ts'
import { readJournal } from './read.ts'
import { enforceRetention, type Retention } from './retention.ts'

export interface JournalOptions {
  readonly path: string
  /** Size at which a new file is begun. */
  readonly maxFileBytes: number
  readonly keep: Retention
  readonly log: Logger
  /** A file that cannot be written is tried again with each record, and after this time. */
  readonly retryMs?: number
}

export interface JournalState {
  /** Records written, by node. */
  readonly written: ReadonlyMap<string, number>
  /** Records that could not be written when they came. They wait for when it is possible again. */
  readonly failed: number
}

interface Line {
  readonly node: string
  readonly bytes: Buffer
}

const RETRY_MS = 10_000
/** Lines that wait while the file cannot be written: a week of a node. */
const MOST_WAITING = 1_000
/** Records of before that the agent takes up again: two weeks of a node. */
const RECENT = 2_000

/** Opens a journal. One that cannot be written is said in the log and tried again. */
export function openJournal(options: JournalOptions): Journal {
  const journal = new Journal(options)
  journal.reopen()
  return journal
}

/**
 * One line of JSON for each block, in a file that is rotated by its size.
 * The kernel has a record when `append` returns, so a killed agent loses none; a power cut may cost the latest.
 * No stream is in between: pino's, SonicBoom, ends a line that a full disk cut in the next file, and puts those that waited into one write.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #written = new Map<string, number>()
  readonly #waiting: Line[] = []
  #file: JournalFile | undefined
  #retry: NodeJS.Timeout | undefined
  #failed = 0
  /** Lines given up since the file cannot be written. */
  #lost = 0
  /** Why it cannot be written, if so. */
  #error: unknown
  /** The error with which files cannot be rotated or deleted, if so. */
  #untidy: string | undefined

  constructor(options: JournalOptions) {
    this.#options = options
  }

  get state(): JournalState {
    return { written: this.#written, failed: this.#failed }
  }

  /** Why the file cannot be written at present, if so. */
  get fault(): string | undefined {
    return this.#error === undefined ? undefined : faultOf(this.#error)
  }

  /** Writes a record. If that cannot be done now it waits, and with too many the oldest are given up. */
  append(record: BlockRecord): void {
    this.#waiting.push({ node: record.node, bytes: Buffer.from(`${JSON.stringify(record)}\n`) })
    this.#write()
    if (this.#waiting.length > 0) this.#failed++
    if (this.#waiting.length > MOST_WAITING) this.#giveUpOldest()
  }

  /** The newest records that are there, oldest first. */
  recent(): readonly BlockRecord[] {
    if (this.#error instanceof NotAJournalError) return [] // whatever it is: it may be long
    try {
      return readJournal(this.#options.path, { direction: 'backwards' }).take(RECENT).toArray().reverse()
    } catch (error) {
      this.#options.log.debug({ journal: this.#options.path, err: error }, 'no records of before')
      return []
    }
  }

  /** Opens the file, or another one of that name after it was renamed. */
  reopen(): void {
    this.#closeFile()
    this.#write()
  }

  close(): void {
    this.#write()
    clearTimeout(this.#retry)
    this.#closeFile()
    const lost = this.#lost + this.#waiting.length
    if (lost > 0) this.#options.log.error({ journal: this.#options.path, lost }, 'records could not be written to the journal')
  }

  /** Writes what waits. */
  #write(): void {
    clearTimeout(this.#retry)
    try {
      this.#fileToWrite() // though nothing may wait: a file that cannot be written is better known at once
      for (let [line] = this.#waiting; line; [line] = this.#waiting) {
        this.#fileToWrite().append(line.bytes)
        this.#waiting.shift()
        this.#written.set(line.node, (this.#written.get(line.node) ?? 0) + 1)
      }
      this.#succeeded()
    } catch (error) {
      this.#closeFile() // opening it ends a line that was begun
      this.#hasFailed(error)
    }
  }

  /** Opens another file if there is none, if it is full, or if its name does not stand for it any longer. */
  #fileToWrite(): JournalFile {
    const { path, maxFileBytes, log } = this.#options
    const size = this.#file?.size()
    if (this.#file && size !== undefined && (size < maxFileBytes || !this.#tidy(this.#file))) return this.#file
    if (this.#file && size === undefined) log.info({ journal: path }, 'the journal was renamed or deleted; going on in a new file')
    this.#closeFile()
    this.#file = openJournalFile(path)
    this.#tidy()
    return this.#file
  }

  /** Rotates a file that is full, and deletes old ones. Where that fails the file grows on: no record is lost for it. */
  #tidy(full?: JournalFile): boolean {
    const { path, keep, log } = this.#options
    const now = new Date()
    try {
      if (full) log.info({ journal: path, rotated: full.rotate(now) }, 'journal rotated')
      for (const file of enforceRetention(path, keep, now)) log.info({ journal: path, file }, 'old journal deleted')
      this.#untidy = undefined
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== this.#untidy) log.error({ journal: path, err: error }, 'cannot rotate the journal or delete old files of it')
      this.#untidy = code
      return false
    }
  }

  #closeFile(): void {
    const file = this.#file
    this.#file = undefined
    try {
      file?.close()
    } catch (error) {
      this.#options.log.debug({ journal: this.#options.path, err: error }, 'closing failed') // what was written is written
    }
  }

  #giveUpOldest(): void {
    this.#waiting.shift()
    this.#lost++
    if (this.#lost === 1)
      this.#options.log.error({ journal: this.#options.path }, 'too many records wait for the journal: the oldest are lost')
  }

  #hasFailed(error: unknown): void {
    const { path, retryMs = RETRY_MS, log } = this.#options
    const reason = faultOf(error)
    if (reason !== this.fault) log.error({ journal: path, reason }, 'cannot write the journal; measuring goes on, and records wait')
    this.#error = error
    this.#retry = setTimeout(() => this.#write(), retryMs).unref()
  }

  #succeeded(): void {
    if (this.#error === undefined) return
    this.#options.log.info({ journal: this.#options.path, lost: this.#lost }, 'the journal can be written again')
    this.#error = undefined
    this.#lost = 0
  }
}
