import { type FileHandle, open } from 'node:fs/promises'
import type { Logger } from 'pino'
import type { TracepointEvent } from '../../tracepoints/index.ts'
import { lineOf } from './format.ts'

const FLUSH_MS = 1000
/** What waits is written before its time when it is that much. */
const FLUSH_CHARACTERS = 64 * 1024
/** While the file cannot be written so much is kept for when it can be again. */
const MAX_CHARACTERS = 8 * 1024 * 1024
/** Peers are nobody else's business. */
const MODE = 0o640

export interface RecorderOptions {
  readonly file: string
  readonly log: Logger
}

/** Opens a recording, to which events are added. A file that cannot be written is said in the log and tried again. */
export function openRecorder(options: RecorderOptions): Recorder {
  const recorder = new Recorder(options)
  recorder.start()
  return recorder
}

/** Writes events to a file without ever holding up who hands them over. */
export class Recorder {
  readonly #options: RecorderOptions
  #timer: NodeJS.Timeout | undefined
  #waiting: string[] = []
  #waitingCharacters = 0
  /** What was begun to be written, as far as it is not. */
  #unwritten: Buffer = Buffer.alloc(0)
  #handle: FileHandle | undefined
  #flushing: Promise<void> | undefined
  #isToReopen = false
  #isFailing = false
  #dropped = 0

  constructor(options: RecorderOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => this.#flush(), FLUSH_MS)
    this.#flush()
  }

  record(event: TracepointEvent): void {
    if (this.#waitingCharacters >= MAX_CHARACTERS) {
      this.#dropped++
      return
    }
    const line = `${lineOf(event)}\n`
    this.#waiting.push(line)
    this.#waitingCharacters += line.length
    if (this.#waitingCharacters >= FLUSH_CHARACTERS && !this.#isFailing) this.#flush()
  }

  /** Goes on in a new file of that name, after the old one was renamed. */
  reopen(): void {
    this.#isToReopen = true
    this.#flush()
  }

  /** Writes what is waiting, and ends. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#flushing
    await this.#flush()
    await this.#closeFile()
    const lost = this.#unwritten.toString().split('\n').length - 1 + this.#waiting.length + this.#dropped
    if (lost > 0) this.#options.log.error({ file: this.#options.file, lost }, 'events could not be recorded')
  }

  #flush(): Promise<void> {
    this.#flushing ??= this.#tryToWrite().finally(() => {
      this.#flushing = undefined
    })
    return this.#flushing
  }

  async #tryToWrite(): Promise<void> {
    const { file, log } = this.#options
    try {
      if (this.#isToReopen) await this.#closeFile()
      this.#isToReopen = false
      await this.#write()
      if (!this.#isFailing) return
      log.info({ file, lost: this.#dropped }, 'the recording can be written again')
      this.#isFailing = false
      this.#dropped = 0
    } catch (error) {
      if (!this.#isFailing) log.error({ file, err: error }, 'cannot write the recording; trying again')
      this.#isFailing = true
      await this.#closeFile()
    }
  }

  async #write(): Promise<void> {
    if (this.#handle === undefined) {
      this.#handle = await open(this.#options.file, 'a+', MODE)
      if (this.#unwritten.length === 0) await endTornLine(this.#handle)
    }
    while (this.#unwritten.length > 0 || this.#waiting.length > 0) {
      if (this.#unwritten.length === 0) this.#takeWaiting()
      const { bytesWritten } = await this.#handle.write(this.#unwritten)
      this.#unwritten = this.#unwritten.subarray(bytesWritten)
    }
  }

  #takeWaiting(): void {
    this.#unwritten = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    this.#waitingCharacters = 0
  }

  async #closeFile(): Promise<void> {
    await this.#handle?.close().catch(() => {})
    this.#handle = undefined
  }
}

/** A recorder that was killed may have left half a line. */
async function endTornLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat()
  if (size === 0) return
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  if (buffer.toString() !== '\n') await handle.write('\n')
}
