import { Backlog, type Most, type WaitingLine } from './backlog.ts'
import { isPipeFull } from './fault.ts'
import { FileTask } from './file-task.ts'

/** A file, a pipe or a terminal that lines are written to. */
export interface LineTarget {
  /** Bytes that may be added to it; one line may go beyond. */
  readonly room: number
  /** Adds bytes, or some of them, and returns how many. */
  write(bytes: Buffer): Promise<number>
  /** Whether nobody has added anything since the last write. */
  isAsLeft(): Promise<boolean>
}

export interface LineWriterOptions<L extends WaitingLine> {
  /** Returns the file to write to now. Called before each write, which has no line that came later, and at the start. */
  readonly target: () => Promise<LineTarget>
  /** The lines, and characters in them, that wait at most while they cannot be written. */
  readonly most: Most
  /** Which lines are lost where more would have to wait. A burst of lines has more room, as long as nothing says that they cannot be written. */
  readonly gives: 'oldest' | 'newest'
  /** Lines wait so long for others to come, unless those that wait fill a write. At once by default. */
  readonly delayMs?: number
  /** Characters of one write; a last line may go beyond. */
  readonly writeCharacters: number
  readonly retryMs: number
  /** Whether each new line is a reason to try again. */
  readonly isEager?: boolean
  readonly faultOf: (error: unknown) => string
  /** Told once of each change of why lines cannot be written. */
  readonly failing: (fault: string) => void
  /** All that waited has been written, after a fault or a loss. */
  readonly recovered: (lost: number) => void
  readonly written?: (lines: readonly L[]) => void
  /** The first line is lost since all was well. */
  readonly losing?: () => void
}

const BURST: Most = { lines: Number.POSITIVE_INFINITY, characters: 32 * 2 ** 20 }
/** Lines that wait for others are written when they come to that. */
const FILL_CHARACTERS = 64 * 1024

/** Writes lines in their order, whole, without ever holding up who hands them over. What waits is bounded. */
export class LineWriter<L extends WaitingLine> {
  readonly #options: LineWriterOptions<L>
  readonly #task: FileTask
  readonly #waiting: Backlog<L>
  #writing: readonly L[] = []
  /** Lines that were lost since all was well. */
  #lost = 0
  #timer: NodeJS.Timeout | undefined
  /** The first of the waiting lines as far as it was written, and where. */
  #begun: { readonly target: LineTarget; readonly bytes: number; isLost?: boolean } | undefined

  constructor(options: LineWriterOptions<L>) {
    this.#options = options
    this.#waiting = new Backlog(options.gives)
    this.#task = new FileTask({
      run: () => this.#writeSome(),
      faultOf: options.faultOf,
      retryMs: options.retryMs,
      changed: (fault) => (fault === undefined ? this.#recover() : this.#fail(fault)),
    })
  }

  get fault(): string | undefined {
    return this.#task.fault
  }

  /** Lines that could not be written when they came. They waited, or were lost. */
  get late(): number {
    return this.#waiting.late
  }

  /** Lines that were never written. */
  get lost(): number {
    return this.#waiting.lost
  }

  /** Lines that wait or are being written, and those that were lost since all was well. */
  get unwritten(): number {
    return this.#waiting.length + this.#writing.length + this.#lost
  }

  /** Whether a thread is busy with the file. */
  get isBusy(): boolean {
    return this.#task.isRunning
  }

  append(line: L): void {
    const { most, delayMs, isEager } = this.#options
    this.#waiting.add(line)
    this.#loseBeyond(this.#task.fault === undefined ? BURST : most)
    const canBeTried = this.#task.fault === undefined || (isEager && !this.#task.isStandingStill)
    if (!canBeTried) this.#waiting.markLate([line])
    else if (delayMs === undefined || this.#waiting.characters >= FILL_CHARACTERS) this.#task.start()
    else this.#timer ??= setTimeout(() => this.flush(), delayMs)
  }

  /** Tries to write all that waits. Resolves when that is done or has failed. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    return this.#task.start()
  }

  /** Resolves when the run under way is done or has failed. */
  settled(): Promise<void> {
    return this.#task.settled()
  }

  /** Drops the lines that wait. */
  discard(): void {
    this.#waiting.clear()
  }

  /** Writes what waits, within this time. */
  async close(mostMs: number): Promise<void> {
    clearTimeout(this.#timer)
    await this.#task.close(mostMs)
  }

  async #writeSome(): Promise<boolean> {
    const lines = this.#waiting.length
    try {
      const target = await this.#options.target() // lines that come while it gets ready have their turn after this one
      if (lines > 0 && this.#waiting.length > 0) await this.#writeTo(target, lines)
    } catch (error) {
      if (!isPipeFull(error)) this.#waiting.markLate()
      throw error
    }
    if (this.#waiting.length === 0 && this.#task.fault === undefined && this.#lost > 0) this.#recover()
    return this.#waiting.length > 0
  }

  async #writeTo(target: LineTarget, most: number): Promise<void> {
    const isAsLeft = this.#begun?.target === target && (await target.isAsLeft())
    const { end, bytes: begun } = this.#goOn(target, isAsLeft)
    const lines = this.#waiting.take({ lines: most, characters: Math.min(target.room, this.#options.writeCharacters) })
    const bytes = Buffer.from(end + lines.map(({ text }) => text).join(''))
    let written = begun
    this.#writing = lines
    try {
      while (written < bytes.length) written += await target.write(bytes.subarray(written))
      this.#options.written?.(lines)
    } catch (error) {
      this.#putBack(target, lines, written - end.length)
      const isRead = isPipeFull(error) && written > begun // slowly, but its reader does not stand still
      if (!isRead) throw error
    } finally {
      this.#writing = []
    }
  }

  /** Goes on with a line that was begun, or ends it if something has come behind it or it was lost meanwhile. */
  #goOn(target: LineTarget, isAsLeft: boolean): { readonly end: string; readonly bytes: number } {
    const begun = this.#begun
    this.#begun = undefined
    if (begun?.target !== target) return { end: '', bytes: 0 } // opening another has ended what was begun in it
    return isAsLeft && !begun.isLost ? { end: '', bytes: begun.bytes } : { end: '\n', bytes: 0 }
  }

  /** Takes lines back of which so many bytes were written. */
  #putBack(target: LineTarget, lines: readonly L[], bytes: number): void {
    let rest = bytes
    let whole = 0
    for (const { text } of lines) {
      const length = Buffer.byteLength(text)
      if (length > rest) break
      rest -= length
      whole++
    }
    if (whole > 0) this.#options.written?.(lines.slice(0, whole))
    this.#waiting.putBack(lines.slice(whole))
    if (rest !== 0) this.#begun = { target, bytes: Math.max(rest, 0), ...(rest < 0 && { isLost: true }) } // below 0: the end of a line before failed
  }

  #loseBeyond(most: Most): void {
    const lost = this.#waiting.loseBeyond(most)
    if (lost === 0) return
    if (this.#begun && this.#options.gives === 'oldest') this.#begun.isLost = true
    if (this.#lost === 0) this.#options.losing?.()
    this.#lost += lost
  }

  #fail(fault: string): void {
    this.#waiting.markLate(this.#writing)
    this.#waiting.markLate()
    this.#loseBeyond(this.#options.most)
    this.#options.failing(fault)
  }

  #recover(): void {
    const lost = this.#lost
    this.#lost = 0
    this.#options.recovered(lost)
  }
}
