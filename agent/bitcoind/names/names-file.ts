import type { Logger } from 'pino'
import * as z from 'zod'
import { statIfThere } from '../../files/append-file.ts'
import { faultOf } from '../../files/fault.ts'
import { FileTask } from '../../files/file-task.ts'
import { readWholeFile, replaceFile } from '../../files/whole-file.ts'
import type { RememberedName } from './names.ts'

const MOST_BYTES = 2 ** 20
const RETRY_MS = 1_000
/** A file that was deleted is noticed within this time. */
const CHECK_MS = 60_000
/** Time for writing the last names. */
const CLOSE_MS = 250

const path = z.string().min(1).max(4096)
const contents = z.object({
  file: z.literal('names of the nodes of fibre-agent'),
  version: z.literal(1),
  names: z
    .array(
      z.object({
        directory: path,
        place: path.optional(),
        suffix: z
          .string()
          .max(256)
          .regex(/^[^\p{C}"\\]*$/u),
      }),
    )
    .max(1024)
    .refine((names) => new Set(names.map(({ suffix }) => suffix)).size === names.length, 'gives one name twice'),
})
const HEADER = { file: 'names of the nodes of fibre-agent', version: 1 } as const

/** Reads the names that a file has; none if there is no such file. Throws if it holds something else, or cannot be read. */
export async function readNames(path: string): Promise<readonly RememberedName[]> {
  const text = await readWholeFile(path, MOST_BYTES)
  if (text === undefined) return []
  try {
    return contents.parse(JSON.parse(text.toString())).names
  } catch (cause) {
    throw new Error('it holds something else', { cause })
  }
}

export interface NamesFileOptions {
  /** A file that cannot be written is tried again after this time. */
  readonly retryMs?: number
  readonly checkMs?: number
}

/** Remembers the names of nodes in a file, beside the journal. */
export class NamesFile {
  readonly #path: string
  readonly #log: Logger
  readonly #checkMs: number
  readonly #task: FileTask
  /** Why the existing file cannot be read: it may belong to something else, or be repaired, so it is left as it is. */
  #foreign: string | undefined
  #names: readonly RememberedName[] = []
  /** Whether the file is to have other names than those that were written last. */
  #isDue = false
  #checking: NodeJS.Timeout | undefined

  constructor(path: string, log: Logger, { retryMs = RETRY_MS, checkMs = CHECK_MS }: NamesFileOptions = {}) {
    this.#path = path
    this.#log = log
    this.#checkMs = checkMs
    this.#task = new FileTask({
      run: () => this.#write(),
      faultOf: (error) => faultOf(error, '--journal'),
      changed: (reason) => (reason === undefined ? log.info({ path }, 'names of nodes are remembered again') : this.#warn(reason)),
      retryMs,
    })
  }

  /** Names as they are remembered. */
  get names(): readonly RememberedName[] {
    return this.#names
  }

  /** Why names are not remembered, if they are not. */
  get fault(): string | undefined {
    return this.#foreign ?? this.#task.fault
  }

  /** Takes in what is there. */
  async read(): Promise<void> {
    try {
      this.#names = await readNames(this.#path)
    } catch (error) {
      this.#foreign = (error as Error).message
      this.#warn(this.#foreign)
      return
    }
    this.#checking = setInterval(() => void this.#task.start(), this.#checkMs).unref()
  }

  /** Writes names in the place of those that were there. Nothing waits for it; where it fails, it is tried again. */
  keep(names: readonly RememberedName[]): void {
    this.#names = names
    if (this.#foreign !== undefined) return
    this.#isDue = true
    void this.#task.start()
  }

  /** Writes what is still to be written, if that is soon done. */
  async close(): Promise<void> {
    clearInterval(this.#checking)
    if (this.#foreign === undefined) await this.#task.close(CLOSE_MS)
  }

  /** Also if the file was deleted. */
  async #write(): Promise<boolean> {
    const isDeleted = !this.#isDue && this.#names.length > 0 && (await statIfThere(this.#path)) === undefined
    if (isDeleted) this.#log.info({ path: this.#path }, 'the names of nodes were deleted; writing them anew')
    if (!this.#isDue && !isDeleted) return false
    this.#isDue = false
    try {
      const text = `${JSON.stringify({ ...HEADER, names: this.#names }, undefined, 1)}\n`
      await (await replaceFile(this.#path, text)).close()
    } catch (error) {
      this.#isDue = true
      throw error
    }
    return false
  }

  #warn(reason: string): void {
    this.#log.warn({ path: this.#path, reason }, 'names of nodes are not remembered: after a restart of the agent nodes may have others')
  }
}
