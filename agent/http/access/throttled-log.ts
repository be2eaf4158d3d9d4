const PERIOD_MS = 60_000

/** Limits the log of what any client can cause as often as it likes: one line at once, then one a minute with the count. */
export class ThrottledLog {
  readonly #write: (count: number) => void
  #unlogged = 0
  #timer: NodeJS.Timeout | undefined

  /** `write` gets the number of times since its last call. */
  constructor(write: (count: number) => void) {
    this.#write = write
  }

  add(): void {
    this.#unlogged++
    if (!this.#timer) this.#flush()
  }

  #flush(): void {
    this.#timer = undefined
    if (this.#unlogged === 0) return
    this.#write(this.#unlogged)
    this.#unlogged = 0
    this.#timer = setTimeout(() => this.#flush(), PERIOD_MS).unref()
  }
}
