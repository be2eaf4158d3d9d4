import type { FileHandle } from 'node:fs/promises'
import { ForeignFileError } from '../files/fault.ts'
import { FileTask, within } from '../files/task.ts'
import { readWholeFile, replaceFile } from '../files/whole-file.ts'

/** First line of each such file: what lacks it is somebody else's, and left alone. */
const HEADER = '{"file":"webhook queue of fibre-agent","version":1}'
/** What waits, the slack, and room for more: a longer file was never ours. */
const MOST_BYTES = 64 * 2 ** 20
const RETRY_MS = 1_000
/** How long others wait for a line to be in the file. */
const KEPT_MS = 1_000

export interface QueueFileOptions {
  readonly path: string
  /** All lines that the file should hold. */
  readonly lines: () => readonly string[]
  readonly faultOf: (error: unknown) => string
  /** Told once of each change of why the file cannot be written. */
  readonly changed: (fault: string | undefined) => void
}

/**
 * Lines of ASCII that survive the process: the kernel has them some milliseconds after `append`, or when `kept` resolves; a power cut may cost the
 * latest. A file that could not be written is written anew as a whole.
 */
export class QueueFile {
  readonly #options: QueueFileOptions
  readonly #task: FileTask
  #handle: FileHandle | undefined
  #added: string[] = []
  #isToRewrite = false
  #bytes = 0

  constructor(options: QueueFileOptions) {
    this.#options = options
    this.#task = new FileTask({
      run: () => this.#write(),
      faultOf: options.faultOf,
      changed: options.changed,
      retryMs: RETRY_MS,
    })
  }

  /** Its size, with what is being added. */
  get bytes(): number {
    return this.#bytes
  }

  append(lines: readonly string[]): void {
    if (this.#isToRewrite) return // with all the others
    for (const line of lines) {
      this.#added.push(line)
      this.#bytes += line.length + 1
    }
    void this.#task.start()
  }

  /** Replaces what the file holds by all lines, all or nothing. */
  rewrite(): void {
    this.#isToRewrite = true
    if (this.#task.fault === undefined) void this.#task.start()
  }

  /** Resolves when all that was added is in the file, or when that is not to be expected soon. */
  async kept(): Promise<void> {
    if (this.#task.fault === undefined) await within(this.#task.settled(), KEPT_MS)
  }

  async close(mostMs: number): Promise<void> {
    await this.#task.close(mostMs)
    if (!this.#task.isRunning) await this.#closeHandle()
  }

  async #write(): Promise<boolean> {
    const added = this.#added
    this.#added = []
    try {
      if (this.#isToRewrite || this.#handle === undefined) await this.#rewrite()
      else if (added.length > 0) await this.#handle.appendFile(textOf(added))
    } catch (error) {
      this.#isToRewrite = true
      throw error
    }
    return this.#added.length > 0 || this.#isToRewrite
  }

  async #rewrite(): Promise<void> {
    const text = textOf([HEADER, ...this.#options.lines()])
    this.#isToRewrite = false
    this.#added = []
    this.#bytes = text.length
    const handle = await replaceFile(this.#options.path, text)
    await this.#closeHandle()
    this.#handle = handle
  }

  async #closeHandle(): Promise<void> {
    await this.#handle?.close().catch(() => {})
    this.#handle = undefined
  }
}

/** What lines a file holds, of which the last may be torn; none if it does not exist. Throws if it is not one of ours. */
export async function readQueueFile(path: string): Promise<readonly string[]> {
  const content = (await readWholeFile(path, MOST_BYTES))?.toString('latin1') ?? ''
  if (content === '') return []
  const [header, ...lines] = content.split('\n')
  if (header !== HEADER) throw new ForeignFileError('it holds something else')
  return lines
}

const textOf = (lines: readonly string[]) => [...lines, ''].join('\n')
