import type { Logger } from 'pino'

const INTERVAL_MS = 5000

/** Says in the log, now and then, how much of a file has been read. */
export class Progress {
  readonly #size: number
  readonly #log: Logger
  readonly #message: string
  #saidAt = performance.now()
  #saidPercent = 0

  constructor(size: number, log: Logger, message: string) {
    this.#size = size
    this.#log = log
    this.#message = message
  }

  at(bytes: number): void {
    const percent = Math.floor((100 * bytes) / this.#size)
    if (percent === this.#saidPercent || performance.now() - this.#saidAt < INTERVAL_MS) return
    this.#saidAt = performance.now()
    this.#saidPercent = percent
    this.#log.info({ percent }, this.#message)
  }
}
