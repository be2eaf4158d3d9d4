import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { CAREFULLY, regularStats } from '../files/append-file.ts'
import { ForeignFileError } from '../files/fault.ts'
import { FileTask, within } from '../files/task.ts'

/** First line of each such file: what lacks it is somebody else's, and left alone. */
const HEADER = '{"file":"webhook queue of fibre-agent","version":1}'
/** The file names nodes' peers: nobody else's business. */
const MODE = 0o600
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
    const { path } = this.#options
    const draft = `${path}.new`
    await rm(draft, { force: true }) // an agent that was killed has left it, or somebody has planted it: either way nothing is written to that
    const handle = await open(draft, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL | CAREFULLY, MODE)
    try {
      await handle.appendFile(text)
      await rename(draft, path)
    } catch (error) {
      await handle.close()
      await rm(draft, { force: true })
      throw error
    }
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
  const handle = await openIfThere(path)
  if (handle === undefined) return []
  try {
    const { size } = await regularStats(handle)
    if (size > MOST_BYTES) throw new ForeignFileError('it is too long')
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0)
    const [header, ...lines] = buffer.toString('latin1', 0, bytesRead).split('\n')
    if (header !== HEADER && size > 0) throw new ForeignFileError('it holds something else')
    return lines
  } finally {
    await handle.close()
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | CAREFULLY)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const textOf = (lines: readonly string[]) => [...lines, ''].join('\n')
