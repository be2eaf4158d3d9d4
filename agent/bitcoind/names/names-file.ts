import type { Logger } from 'pino'
import * as z from 'zod'
import { ChangeDetector } from '../../files/change-detector.ts'
import { readWholeFile, replaceFile } from '../../files/whole-file.ts'
import type { RememberedName } from './names.ts'

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

/** Remembers the names of nodes in a file, beside the journal. */
export class NamesFile {
  readonly #path: string
  readonly #log: Logger
  /** True if the existing file cannot be read: it may belong to something else, or be repaired, so it is left as it is. */
  #isForeign = false
  #names: readonly RememberedName[] = []
  #fault: string | undefined
  readonly #isFailing = new ChangeDetector(false)
  /** Content that is still to be written. */
  #next: string | undefined
  #writing: Promise<void> | undefined

  constructor(path: string, log: Logger) {
    this.#path = path
    this.#log = log
  }

  /** Names as they are remembered. */
  get names(): readonly RememberedName[] {
    return this.#names
  }

  /** Why names are not remembered, if they are not. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** Takes in what is there. */
  async read(): Promise<void> {
    try {
      const text = await readWholeFile(this.#path, MOST_BYTES)
      if (text !== undefined) this.#names = contents.parse(JSON.parse(text.toString())).names
    } catch (error) {
      this.#isForeign = true
      this.#fail(error instanceof z.ZodError || error instanceof SyntaxError ? 'it holds something else' : (error as Error).message)
    }
  }

  /** Writes names in the place of those that were there. Nothing waits for it. */
  keep(names: readonly RememberedName[]): void {
    this.#names = names
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

  async #write(): Promise<void> {
    while (this.#next !== undefined) {
      const text = this.#next
      this.#next = undefined
      try {
        await (await replaceFile(this.#path, text)).close()
        this.#fault = undefined
        this.#isFailing.changesTo(false)
      } catch (error) {
        this.#fail((error as Error).message)
      }
    }
  }

  #fail(reason: string): void {
    this.#fault = reason
    if (this.#isFailing.changesTo(true))
      this.#log.warn({ path: this.#path, reason }, 'names of nodes are not remembered: after a restart of the agent nodes may have others')
  }
}
