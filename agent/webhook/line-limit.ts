export interface LineLimitOptions {
  /** Lines in a window. */
  readonly most?: number
  readonly windowMs?: number
  /** Called at the end of a window in which lines were left out. */
  readonly leftOut: (lines: number) => void
}

/** Keeps a log from being flooded: lets so many lines through in a window, and counts the others. */
export class LineLimit {
  readonly #most: number
  readonly #windowMs: number
  readonly #tell: (lines: number) => void
  #lines = 0
  #window: NodeJS.Timeout | undefined

  constructor({ most = 50, windowMs = 60_000, leftOut }: LineLimitOptions) {
    this.#most = most
    this.#windowMs = windowMs
    this.#tell = leftOut
  }

  /** Whether the next line may be written. */
  allows(): boolean {
    this.#window ??= setTimeout(() => this.close(), this.#windowMs).unref()
    return ++this.#lines <= this.#most
  }

  /** Ends the window. */
  close(): void {
    clearTimeout(this.#window)
    this.#window = undefined
    if (this.#lines > this.#most) this.#tell(this.#lines - this.#most)
    this.#lines = 0
  }
}
