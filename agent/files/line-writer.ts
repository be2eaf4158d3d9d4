import { FileTask } from './task.ts'

/** A line that is to be written, with its line break. */
export interface Line {
  readonly text: string
  /** Whether it was counted as one that had to wait for a file that cannot be written. */
  isLate?: boolean
}

/** What lines are written to. */
export interface LineTarget {
  /** Bytes that may be added to it; one line may go beyond. */
  readonly room: number
  /** Adds bytes, or some of them, and returns how many. */
  write(bytes: Buffer): Promise<number>
  /** Whether nobody has added anything since the last write. */
  isAsLeft(): Promise<boolean>
}

interface Most {
  readonly lines: number
  readonly characters: number
}

export interface LineWriterOptions<L extends Line> {
  /** The file that is to be written to now. Called before each write, and at the start. */
  readonly target: () => Promise<LineTarget>
  /** How many lines, and characters in them, wait at most while they cannot be written. */
  readonly most: Most
  /** Which lines are lost where more would have to wait. A burst of lines has more room, as long as nothing says that they cannot be written. */
  readonly gives: 'oldest' | 'newest'
  /** Lines wait so long for others to come, unless those that wait fill a write. At once by default. */
  readonly delayMs?: number
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
/** Characters of one write; a last line may go beyond. */
const WRITE_CHARACTERS = 64 * 1024

/** Writes lines in their order, whole, without ever holding up who hands them over. What waits is bounded. */
export class LineWriter<L extends Line> {
  readonly #options: LineWriterOptions<L>
  readonly #task: FileTask
  #waiting: L[] = []
  #writing: readonly L[] = []
  #characters = 0
  #late = 0
  #lost = 0
  #lostInAll = 0
  #timer: NodeJS.Timeout | undefined
  /** The first of the waiting lines as far as it was written, and where. */
  #begun: { readonly target: LineTarget; readonly bytes: number; isLost?: boolean } | undefined

  constructor(options: LineWriterOptions<L>) {
    this.#options = options
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
    return this.#late
  }

  /** Lines that were never written. */
  get lost(): number {
    return this.#lostInAll
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
    this.#add(line)
    this.#loseBeyond(this.#task.fault === undefined ? BURST : most)
    const canBeTried = this.#task.fault === undefined || (isEager && !this.#task.isStandingStill)
    if (!canBeTried) this.#markLate(line)
    else if (delayMs === undefined || this.#characters >= WRITE_CHARACTERS) this.#task.start()
    else this.#timer ??= setTimeout(() => this.flush(), delayMs)
  }

  /** Tries to write all that waits. Resolves when that is done or has failed. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    return this.#task.start()
  }

  /** Writes what waits, within this time. */
  async close(mostMs: number): Promise<void> {
    clearTimeout(this.#timer)
    await this.#task.close(mostMs)
  }

  async #writeSome(): Promise<boolean> {
    try {
      const target = await this.#options.target()
      if (this.#waiting.length > 0) await this.#writeTo(target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') for (const line of this.#waiting) this.#markLate(line)
      throw error
    }
    if (this.#waiting.length === 0 && this.#task.fault === undefined && this.#lost > 0) this.#recover()
    return this.#waiting.length > 0
  }

  async #writeTo(target: LineTarget): Promise<void> {
    const { end, written: before } = await this.#goOn(target)
    const lines = this.#take(target.room)
    const bytes = Buffer.from(end + lines.map(({ text }) => text).join(''))
    let written = before
    this.#writing = lines
    try {
      while (written < bytes.length) written += await target.write(bytes.subarray(written))
    } catch (error) {
      this.#putBack(target, lines, written - end.length)
      throw error
    } finally {
      this.#writing = []
    }
    this.#options.written?.(lines)
  }

  /** Goes on with a line that was begun, or ends it if something has come behind it or it was given up. */
  async #goOn(target: LineTarget): Promise<{ readonly end: string; readonly written: number }> {
    const begun = this.#begun
    const isSame = begun?.target === target // opening another has ended what was begun in it
    const canGoOn = isSame && !begun.isLost && (await target.isAsLeft())
    this.#begun = undefined
    return { end: isSame && !canGoOn ? '\n' : '', written: canGoOn ? begun.bytes : 0 }
  }

  #take(room: number): readonly L[] {
    let characters = 0
    let count = 0
    for (const { text } of this.#waiting) {
      if (count > 0 && characters >= Math.min(room, WRITE_CHARACTERS)) break
      characters += text.length
      count++
    }
    this.#characters -= characters
    return this.#waiting.splice(0, count)
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
    const unwritten = lines.slice(whole)
    this.#waiting = [...unwritten, ...this.#waiting]
    for (const { text } of unwritten) this.#characters += text.length
    if (rest !== 0) this.#begun = { target, bytes: Math.max(rest, 0), ...(rest < 0 && { isLost: true }) } // below 0: the end of a line before failed
  }

  #add(line: L): void {
    this.#waiting.push(line)
    this.#characters += line.text.length
  }

  #loseBeyond({ lines, characters }: Most): void {
    while (this.#waiting.length > lines || (this.#characters > characters && this.#waiting.length > 1)) this.#loseOne()
  }

  #loseOne(): void {
    const isOldest = this.#options.gives === 'oldest'
    const line = isOldest ? this.#waiting.shift() : this.#waiting.pop()
    if (line === undefined) return
    if (isOldest && this.#begun) this.#begun.isLost = true
    this.#characters -= line.text.length
    this.#markLate(line)
    this.#lostInAll++
    if (this.#lost++ === 0) this.#options.losing?.()
  }

  #markLate(line: L): void {
    if (line.isLate) return
    line.isLate = true
    this.#late++
  }

  #fail(fault: string): void {
    for (const line of [...this.#writing, ...this.#waiting]) this.#markLate(line)
    this.#loseBeyond(this.#options.most)
    this.#options.failing(fault)
  }

  #recover(): void {
    const lost = this.#lost
    this.#lost = 0
    this.#options.recovered(lost)
  }
}
