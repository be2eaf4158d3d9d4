const PERIOD_MS = 60_000

/** Counts what anybody can cause as often as they like, and tells of it with a limit: at once, and then once a minute. */
export class Tally {
  readonly #tell: (count: number) => void
  #untold = 0
  #timer: NodeJS.Timeout | undefined

  /** `tell` is handed how often it happened since it was told last. */
  constructor(tell: (count: number) => void) {
    this.#tell = tell
  }

  add(): void {
    this.#untold++
    if (!this.#timer) this.#report()
  }

  #report(): void {
    this.#timer = undefined
    if (this.#untold === 0) return
    this.#tell(this.#untold)
    this.#untold = 0
    this.#timer = setTimeout(() => this.#report(), PERIOD_MS).unref()
  }
}
