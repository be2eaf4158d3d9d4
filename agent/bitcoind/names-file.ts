import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import type { Logger } from 'pino'
import * as z from 'zod'
import type { RememberedName } from './names.ts'

const MODE = 0o640
/** A link in its place is not followed, and a pipe not waited for. */
const CAREFULLY = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY
const MOST_BYTES = 2 ** 20

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

/** Remembers the names of nodes, beside the journal. */
export class NamesFile {
  readonly names: readonly RememberedName[]
  readonly #path: string
  readonly #log: Logger
  #fault: string | undefined
  /** What is there cannot be read: it is somebody else's, or may be mended, and is left as it is. */
  #isForeign = false
  /** What is still to be written. */
  #next: string | undefined
  #writing: Promise<void> | undefined

  constructor(path: string, log: Logger) {
    this.#path = path
    this.#log = log
    this.names = this.#read()
  }

  /** Why names are not remembered, if they are not. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** Writes them in the place of those that were there. Nothing waits for it. */
  keep(names: readonly RememberedName[]): void {
    if (this.#isForeign) return
    this.#next = `${JSON.stringify({ ...HEADER, names }, undefined, 1)}\n`
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
    })
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    await this.#writing
  }

  #read(): readonly RememberedName[] {
    try {
      const text = readIfThere(this.#path)
      return text === undefined ? [] : contents.parse(JSON.parse(text)).names
    } catch (error) {
      this.#isForeign = true
      this.#fail(error instanceof z.ZodError || error instanceof SyntaxError ? 'it holds something else' : (error as Error).message)
      return []
    }
  }

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const text = this.#next
      this.#next = undefined
      try {
        await replace(this.#path, text)
        this.#fault = undefined
      } catch (error) {
        this.#fail((error as Error).message)
      }
    }
  }

  #fail(reason: string): void {
    if (this.#fault === undefined)
      this.#log.warn({ path: this.#path, reason }, 'names of nodes are not remembered: after a restart of the agent nodes may have others')
    this.#fault = reason
  }
}

function readIfThere(path: string): string | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | CAREFULLY)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
  try {
    const { size } = fstatSync(fd)
    if (!fstatSync(fd).isFile() || size > MOST_BYTES) throw new SyntaxError()
    const bytes = Buffer.alloc(size)
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, size, 0))
  } finally {
    closeSync(fd)
  }
}

async function replace(path: string, text: string): Promise<void> {
  const draft = `${path}.new`
  await rm(draft, { force: true })
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | CAREFULLY, MODE)
  try {
    await file.writeFile(text)
  } finally {
    await file.close()
  }
  await rename(draft, path)
}
