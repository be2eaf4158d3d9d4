import type { Logger } from 'pino'
import type { BlockRecord } from '../blocks/record.ts'
import type { AppendFile } from '../files/append-file.ts'
import type { WaitingLine } from '../files/backlog.ts'
import { ChangeDetector } from '../files/change-detector.ts'
import { ForeignFileError } from '../files/fault.ts'
import { LineFile } from '../files/line-file.ts'
import { listRotatedFiles } from './files.ts'
import { openJournalFile, rotate } from './journal-file.ts'
import { JournalTime } from './journal-time.ts'
import { readNewest } from './read-newest.ts'
import { enforceRetention, type Retention } from './retention.ts'

export interface JournalOptions {
  readonly path: string
  /** Size at which a new file is begun. */
  readonly maxFileBytes: number
  readonly keep: Retention
  readonly log: Logger
  /** A file that cannot be written is tried again with each record, and after this time. */
  readonly retryMs?: number
  /** Awaited before records are written: resolves when what has to be on disk before them is. */
  readonly before?: () => Promise<void>
}

interface RecordLine extends WaitingLine {
  readonly node: string
}

const RETRY_MS = 1_000
/** Lines that wait while the file cannot be written: a week of a node. */
const MOST_WAITING = { lines: 1_000, characters: Number.POSITIVE_INFINITY }
/** Records of before that the agent takes up again: two weeks of a node. */
const RECENT = 2_000
/** Time for writing the last records. */
const CLOSE_MS = 250

/** Opens a journal, and reads what it has. One that cannot be written is said in the log and tried again. Throws if another agent writes it. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const journal = new Journal(options)
  await journal.open()
  return journal
}

/**
 * One line of JSON for each block, in a file that is rotated by its size.
 * Records of one turn of the event loop, such as those of a drain, are one write. The kernel has them some milliseconds later, so a killed agent
 * loses those of its last drain at most, and a power cut some more.
 */
export class Journal {
  readonly #options: JournalOptions
  readonly #file: LineFile<RecordLine>
  readonly #written = new Map<string, number>()
  readonly #time = new JournalTime()
  /** The error with which files cannot be rotated or deleted, if so. */
  readonly #untidy = new ChangeDetector<string | undefined>(undefined)
  #recent: readonly BlockRecord[] | undefined

  constructor(options: JournalOptions) {
    const { path, maxFileBytes: maxBytes, log, before, retryMs = RETRY_MS } = options
    this.#options = options
    this.#file = new LineFile({
      path,
      flag: '--journal',
      open: () => this.#open(),
      before,
      afterRename: 'reopen',
      rotation: { maxBytes, rotate: (full) => this.#tidy(full) },
      unlocked: (reason) =>
        reason === undefined
          ? log.info({ journal: path }, 'the journal is locked against a second agent')
          : log.warn({ journal: path, reason }, 'cannot lock the journal: a second agent would write each block again'),
      gone: () => log.info({ journal: path }, 'the journal was renamed or deleted; going on in a new file'),
      most: MOST_WAITING,
      gives: 'oldest',
      isEager: true,
      retryMs,
      failing: (reason) => log.error({ journal: path, reason }, 'cannot write the journal; measuring goes on, and records wait'),
      losing: () => log.error({ journal: path }, 'too many records wait for the journal: the oldest are lost'),
      recovered: (lost) => log.info({ journal: path, lost }, 'the journal can be written again'),
      written: (lines) => {
        for (const { node } of lines) this.#written.set(node, (this.#written.get(node) ?? 0) + 1)
      },
    })
  }

  get state() {
    return { written: this.#written, failed: this.#file.late }
  }

  /** Counts no more what was written of a node. */
  forget(node: string): void {
    this.#written.delete(node)
  }

  /** Why the file cannot be written at present, if so. */
  get fault(): string | undefined {
    return this.#file.fault
  }

  /** Has a record written soon. If that cannot be done it waits, and with too many the oldest are given up. */
  append(record: BlockRecord): void {
    this.#file.append({ node: record.node, text: `${JSON.stringify(record)}\n` })
  }

  /** Opens the file as `openJournal` does. */
  open(): Promise<void> {
    return this.#file.open()
  }

  /** Tries to write all that waits. Resolves when that is done or has failed. */
  flush(): Promise<void> {
    return this.#file.flush()
  }

  /** The newest records that were there when it was opened, oldest first. */
  recent(): readonly BlockRecord[] {
    return this.#recent ?? []
  }

  /** Opens the file, or another one of that name after it was renamed. */
  reopen(): void {
    this.#file.reopen()
    void this.flush()
  }

  async close(): Promise<void> {
    const { path, log } = this.#options
    await this.#file.close(CLOSE_MS)
    const lost = this.#file.unwritten
    if (lost > 0) log.error({ journal: path, lost }, 'records could not be written to the journal')
  }

  /** Also reads what is there, the first time, and deletes what is too old. */
  async #open(): Promise<AppendFile> {
    const { path } = this.#options
    try {
      const file = await openJournalFile(path)
      await this.#readRecent()
      await this.#tidy()
      return file
    } catch (error) {
      if (error instanceof ForeignFileError)
        this.#recent ??= [] // whatever it is: it may be long
      else await this.#readRecent()
      throw error
    }
  }

  async #readRecent(): Promise<void> {
    if (this.#recent) return
    const { path, log } = this.#options
    try {
      this.#recent = await readNewest(path, RECENT)
      this.#time.learn((await listRotatedFiles(path)).at(-1), this.#recent)
    } catch (error) {
      this.#recent = []
      log.debug({ journal: path, err: error }, 'no records of before')
    }
  }

  /** Rotates a file that is full, and deletes old ones. Where that fails the file grows on: no record is lost for it. */
  async #tidy(full?: AppendFile): Promise<boolean> {
    const { path, keep, log } = this.#options
    try {
      if (full) log.info({ journal: path, rotated: await rotate(full, new Date()) }, 'journal rotated')
      for (const file of await enforceRetention(path, keep, this.#time.now())) log.info({ journal: path, file }, 'old journal deleted')
      this.#untidy.changesTo(undefined)
      return true
    } catch (error) {
      const isNew = this.#untidy.changesTo((error as NodeJS.ErrnoException).code)
      if (isNew) log.error({ journal: path, err: error }, 'cannot rotate the journal or delete old files of it')
      return false
    }
  }
}
