import { type AppendFile, openAppendFile } from './append-file.ts'
import type { WaitingLine } from './backlog.ts'
import { ChangeDetector } from './change-detector.ts'
import { faultOf, HeldError } from './fault.ts'
import { FileLock } from './file-lock.ts'
import { LineWriter, type LineWriterOptions } from './line-writer.ts'
import { onThread } from './threads.ts'
import { within } from './within.ts'

export interface LineFileOptions<L extends WaitingLine> extends Omit<LineWriterOptions<L>, 'target' | 'faultOf' | 'writeCharacters'> {
  readonly path: string
  /** The flag that names the file: the way out of a fault. */
  readonly flag: string
  /** Opens the file, or makes it; `openAppendFile` by default. */
  readonly open?: () => Promise<AppendFile>
  /** Awaited before each write. */
  readonly before?: (() => Promise<void>) | undefined
  /**
   * After the open file was renamed, lines go to a new file of the name at once, or to the renamed file until `reopen`, as logrotate expects.
   * `reopen` of the latter kind keeps the old file where no new one can be opened.
   */
  readonly afterRename: 'reopen' | 'stay'
  /** The size at which `rotate` is called, which returns whether a new file is to be opened. */
  readonly rotation?: { readonly maxBytes: number; readonly rotate: (full: AppendFile) => Promise<boolean> }
  /**
   * Told once of each change of why the file cannot be locked against a second agent, which is tried again all the time; `undefined`: it is locked
   * now. Without this function, it is not locked.
   */
  readonly unlocked?: (reason: string | undefined) => void
  /** Told when the open file was deleted, or has another name and is given up for that. */
  readonly gone: () => void
  /** Told once of each change of why the old file is kept instead of a new one; `undefined`: a new one was opened. */
  readonly kept?: (fault: string | undefined) => void
}

/** Characters of one write: what is appended in one turn of the event loop goes to the file at once, also when 4,000 blocks are closed together. */
const WRITE_CHARACTERS = 4 * 2 ** 20
/** The agent waits so long for a lock, and so long for a file to be opened. */
const OPEN_MS = 2_000

/**
 * A file of lines that only grows: whole lines in their order, written without holding up who appends them. Torn ends are ended, lines wait
 * while the disk is full or stands still, and what was deleted or rotated is opened anew.
 */
export class LineFile<L extends WaitingLine = WaitingLine> {
  readonly #options: LineFileOptions<L>
  readonly #writer: LineWriter<L>
  readonly #keptBy = new ChangeDetector<string | undefined>(undefined)
  readonly #lock: FileLock | undefined
  readonly #unlocked = new ChangeDetector<string | undefined>(undefined)
  #lockFault: string | undefined
  #lockRetry: NodeJS.Timeout | undefined
  #file: AppendFile | undefined
  #isToReopen = false
  #retry: NodeJS.Timeout | undefined

  constructor(options: LineFileOptions<L>) {
    this.#options = options
    this.#lock = options.unlocked && new FileLock(options.path)
    this.#writer = new LineWriter({
      ...options,
      target: () => this.#current(),
      writeCharacters: WRITE_CHARACTERS,
      faultOf: (error) => faultOf(error, options.flag),
    })
  }

  /** Why the file cannot be written at present, if so. */
  get fault(): string | undefined {
    return this.#writer.fault
  }

  /** Why the old file is kept instead of a new one, if so. */
  get keptBy(): string | undefined {
    return this.#keptBy.state
  }

  /** Lines that could not be written when they came. They waited, or were lost. */
  get late(): number {
    return this.#writer.late
  }

  /** Lines that were never written. */
  get lost(): number {
    return this.#writer.lost
  }

  /** Lines that wait or are being written, and those that were lost since all was well. */
  get unwritten(): number {
    return this.#writer.unwritten
  }

  append(line: L): void {
    this.#writer.append(line)
  }

  /** Opens the file, unless that takes seconds or cannot be done, which is tried again. Throws if another agent writes it. */
  async open(): Promise<void> {
    const hasAnswered = await this.lock()
    const opening = this.flush()
    if (hasAnswered) await within(opening, OPEN_MS)
  }

  /** Locks the file, as `open` does first. Returns whether the disk has answered. */
  async lock(): Promise<boolean> {
    const locking = onThread(() => this.#claim())
    try {
      const hasAnswered = await within(locking, OPEN_MS)
      if (this.#lock?.isAsking) await locking
      return hasAnswered || this.#lock?.isHeld === true
    } catch (error) {
      throw new Error(faultOf(error, this.#options.flag), { cause: error })
    }
  }

  /** Gives up the lock of a file that was not opened. */
  async unlock(): Promise<void> {
    await this.#lock?.release()
  }

  /** Opens the file if need be and writes all that waits. Resolves when that is done or has failed. */
  flush(): Promise<void> {
    return this.#writer.flush()
  }

  /** Resolves when the write under way is done or has failed. */
  settled(): Promise<void> {
    return this.#writer.settled()
  }

  /** Makes the next write open the file anew. */
  reopen(): void {
    this.#isToReopen = true
  }

  /** Drops the lines that wait: they are written another way. */
  discard(): void {
    this.#writer.discard()
  }

  /** Writes what waits, within this time, and closes the file. */
  async close(mostMs: number): Promise<void> {
    await this.#writer.close(mostMs)
    clearTimeout(this.#retry)
    clearTimeout(this.#lockRetry)
    if (!this.#writer.isBusy)
      await within(
        onThread(() => this.#closeAll()),
        mostMs,
      )
  }

  /** The file to write to now, with the room that it has. */
  async #current(): Promise<AppendFile> {
    await this.#options.before?.()
    if (this.#isToReopen) await this.#openAnew()
    if (this.#file && !(await this.#isUsable(this.#file))) await this.#closeFile()
    if (this.#file && this.#lock?.isHeld === false) await this.#claim()
    this.#file ??= await this.#open()
    this.#tellUnlocked()
    return this.#file
  }

  #tellUnlocked(): void {
    clearTimeout(this.#lockRetry)
    if (this.#lockFault !== undefined) this.#lockRetry = setTimeout(() => void this.flush(), this.#options.retryMs).unref()
    if (this.#unlocked.changesTo(this.#lockFault)) this.#options.unlocked?.(this.#lockFault)
  }

  /** Takes the lock, if it can be taken. Throws if another agent has it. */
  async #claim(): Promise<void> {
    try {
      await this.#lock?.acquire()
      this.#lockFault = undefined
    } catch (error) {
      this.#lockFault = (error as Error).message
      if (!(error instanceof HeldError)) return
      await this.#closeFile()
      throw error
    }
  }

  async #openAnew(): Promise<void> {
    const { afterRename, retryMs } = this.#options
    const old = this.#file
    if (old === undefined || afterRename === 'reopen') return this.#closeFile()
    clearTimeout(this.#retry)
    try {
      this.#file = await this.#open()
      await old.close()
      this.#tellKept(undefined)
    } catch (error) {
      this.#tellKept(faultOf(error, this.#options.flag))
      this.#retry = setTimeout(() => this.#openSoon(), retryMs).unref()
    }
  }

  #openSoon(): void {
    this.reopen()
    void this.flush()
  }

  #tellKept(fault: string | undefined): void {
    if (this.#keptBy.changesTo(fault)) this.#options.kept?.(fault)
  }

  /** Whether the open file is the one to write to still: neither gone nor full. Tells it how much room it has. */
  async #isUsable(file: AppendFile): Promise<boolean> {
    const { afterRename, rotation, gone } = this.#options
    const size = await (afterRename === 'reopen' ? file.sizeByName() : file.sizeUnlessDeleted())
    if (size === undefined) {
      gone()
      return false
    }
    file.room = this.#maxBytes - size
    return size < this.#maxBytes || !(await rotation?.rotate(file))
  }

  async #open(): Promise<AppendFile> {
    const { path, open = () => openAppendFile(path) } = this.#options
    this.#isToReopen = false // before it is opened: meanwhile it may be asked for again
    await this.#claim()
    const file = await open()
    file.room = this.#maxBytes - file.size
    await this.#claim() // its folder may have been made with it
    return file
  }

  get #maxBytes(): number {
    return this.#options.rotation?.maxBytes ?? Number.POSITIVE_INFINITY
  }

  async #closeFile(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  async #closeAll(): Promise<void> {
    await this.#closeFile()
    await this.#lock?.release().catch(() => {}) // a lock that is left is taken over
  }
}
