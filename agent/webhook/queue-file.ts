import type { AppendFile } from '../files/append-file.ts'
import { ForeignFileError } from '../files/fault.ts'
import { LineFile } from '../files/line-file.ts'
import { readWholeFile, replaceFile } from '../files/whole-file.ts'
import { within } from '../files/within.ts'

/** First line of each such file: what lacks it is somebody else's, and left alone. */
const HEADER = '{"file":"webhook queue of fibre-agent","version":1}'
/** Room for all that waits, the slack and more: a longer file was never ours. */
const MOST_BYTES = 64 * 2 ** 20
const RETRY_MS = 1_000
/** Others wait so long for a line to be in the file. */
const KEPT_MS = 1_000

export interface QueueFileOptions {
  readonly path: string
  /** All lines that the file should hold. */
  readonly lines: () => readonly string[]
  /** Told once of each change of why the file cannot be written. */
  readonly changed: (fault: string | undefined) => void
  /** Told once of each change of why the file cannot be locked against a second agent; `undefined`: it is locked now. */
  readonly unlocked: (reason: string | undefined) => void
  /** Told when the file was renamed or deleted: all lines are written to a new one. */
  readonly gone: () => void
}

/**
 * Lines of ASCII that survive the process: the kernel has them some milliseconds after `append`, or when `kept` resolves; a power cut may cost the
 * latest. A file that could not be written is written anew as a whole.
 */
export class QueueFile {
  readonly #options: QueueFileOptions
  readonly #file: LineFile
  #isToRewrite = false
  #bytes = 0

  constructor(options: QueueFileOptions) {
    const { path, changed, unlocked, gone } = options
    this.#options = options
    this.#file = new LineFile({
      path,
      flag: '--journal',
      open: () => this.#writeAll(),
      afterRename: 'reopen',
      unlocked,
      gone,
      most: { lines: Number.POSITIVE_INFINITY, characters: MOST_BYTES },
      gives: 'oldest',
      retryMs: RETRY_MS,
      failing: (reason) => {
        this.#markToRewrite()
        changed(reason)
      },
      recovered: () => changed(undefined),
    })
  }

  get path(): string {
    return this.#options.path
  }

  /** Its size, with what is being added. */
  get bytes(): number {
    return this.#bytes
  }

  /** Locks the file. Throws if another agent writes it. */
  async lock(): Promise<void> {
    await this.#file.lock()
  }

  /** Gives the file up, as it is. */
  unlock(): Promise<void> {
    return this.#file.unlock()
  }

  append(lines: readonly string[]): void {
    if (this.#isToRewrite) return // with all the others
    for (const line of lines) {
      this.#bytes += line.length + 1
      this.#file.append({ text: `${line}\n` })
    }
  }

  /** Replaces what the file holds by all lines, all or nothing. */
  rewrite(): void {
    this.#markToRewrite()
    if (this.#file.fault === undefined) void this.#file.flush()
  }

  /** Resolves when all that was added is in the file, or when that is not to be expected soon. */
  async kept(): Promise<void> {
    if (this.#file.fault === undefined) await within(this.#file.settled(), KEPT_MS)
  }

  close(mostMs: number): Promise<void> {
    return this.#file.close(mostMs)
  }

  #markToRewrite(): void {
    this.#isToRewrite = true
    this.#file.reopen()
  }

  async #writeAll(): Promise<AppendFile> {
    const text = textOf([HEADER, ...this.#options.lines()])
    this.#isToRewrite = false
    this.#bytes = text.length
    this.#file.discard() // they are among all lines
    try {
      return await replaceFile(this.#options.path, text)
    } catch (error) {
      this.#markToRewrite()
      throw error
    }
  }
}

/** Reads the lines of a file, of which the last may be torn; none if it does not exist. Throws if it is not one of ours. */
export async function readQueueFile(path: string): Promise<readonly string[]> {
  const content = (await readWholeFile(path, MOST_BYTES))?.toString('latin1') ?? ''
  if (content === '') return []
  const [header, ...lines] = content.split('\n')
  if (header !== HEADER) throw new ForeignFileError('it holds something else')
  return lines
}

const textOf = (lines: readonly string[]) => [...lines, ''].join('\n')
