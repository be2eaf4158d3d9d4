import { type AppendFile, openAppendFile } from './append-file.ts'
import type { Line } from './backlog.ts'
import { ChangeDetector } from './change-detector.ts'
import { faultOf } from './fault.ts'
import { LineWriter, type LineWriterOptions } from './line-writer.ts'

export interface LineFileOptions<L extends Line> extends Omit<LineWriterOptions<L>, 'target' | 'faultOf'> {
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
  /** Told when the open file was deleted, or has another name and is given up for that. */
  readonly gone: () => void
  /** Told once of each change of why the old file is kept instead of a new one; `undefined`: a new one was opened. */
  readonly kept?: (fault: string | undefined) => void
}

/**
 * A file of lines that only grows: whole lines in their order, written without holding up who appends them. Torn ends are ended, lines wait
 * while the disk is full or stands still, and what was deleted or rotated is opened anew.
 */
export class LineFile<L extends Line = Line> {
  readonly #options: LineFileOptions<L>
  readonly #writer: LineWriter<L>
  readonly #keptBy = new ChangeDetector<string | undefined>(undefined)
  #file: AppendFile | undefined
  #isToReopen = false
  #retry: NodeJS.Timeout | undefined

  constructor(options: LineFileOptions<L>) {
    this.#options = options
    this.#writer = new LineWriter({ ...options, target: () => this.#current(), faultOf: (error) => faultOf(error, options.flag) })
  }

  /** Why the file cannot be written at present, if so. */
  get fault(): string | undefined {
    return this.#writer.fault
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
    if (!this.#writer.isBusy) await this.#closeFile()
  }

  /** The file to write to now, with the room that it has. */
  async #current(): Promise<AppendFile> {
    await this.#options.before?.()
    if (this.#isToReopen) await this.#openAnew()
    if (this.#file && !(await this.#isUsable(this.#file))) await this.#closeFile()
    this.#file ??= await this.#open()
    return this.#file
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
    const file = await open()
    file.room = this.#maxBytes - file.size
    return file
  }

  get #maxBytes(): number {
    return this.#options.rotation?.maxBytes ?? Number.POSITIVE_INFINITY
  }

  async #closeFile(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}
