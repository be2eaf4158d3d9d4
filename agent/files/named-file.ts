import { type AppendFile, openAppendFile } from './append-file.ts'
import { Changing } from './changes.ts'

export interface NamedFileOptions {
  readonly path: string
  readonly retryMs: number
  readonly faultOf: (error: unknown) => string
  /** Told once of each change of why the file cannot be opened anew; `undefined`: it was. */
  readonly changed: (fault: string | undefined) => void
  /** Called when it is time to try to open the file anew: `current` does. */
  readonly retry: () => void
}

/** The file of a name, until it is to be opened anew. Where that fails the one that is open stays in use, and it is tried again. */
export class NamedFile {
  readonly #options: NamedFileOptions
  readonly #fault = new Changing<string | undefined>(undefined)
  #file: AppendFile | undefined
  #isToOpen = true
  #retry: NodeJS.Timeout | undefined

  constructor(options: NamedFileOptions) {
    this.#options = options
  }

  /** Has the next `current` open the file of that name, after the old one was renamed. */
  reopen(): void {
    this.#isToOpen = true
  }

  async current(): Promise<AppendFile> {
    if (this.#file && !this.#isToOpen) return this.#file
    this.#isToOpen = false
    this.#file = this.#file ? await this.#replace(this.#file) : await openAppendFile(this.#options.path)
    return this.#file
  }

  async close(): Promise<void> {
    clearTimeout(this.#retry)
    await this.#file?.close()
    this.#file = undefined
  }

  async #replace(old: AppendFile): Promise<AppendFile> {
    const { path, retryMs, faultOf } = this.#options
    clearTimeout(this.#retry)
    try {
      const file = await openAppendFile(path)
      await old.close()
      this.#tell(undefined)
      return file
    } catch (error) {
      this.#tell(faultOf(error))
      this.#retry = setTimeout(() => this.#tryAgain(), retryMs).unref()
      return old
    }
  }

  #tryAgain(): void {
    this.reopen()
    this.#options.retry()
  }

  #tell(fault: string | undefined): void {
    if (this.#fault.set(fault)) this.#options.changed(fault)
  }
}
