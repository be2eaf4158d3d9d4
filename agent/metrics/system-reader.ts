import type { Logger } from 'pino'

/** Reads values of the machine and of this process. One that cannot be read costs its metric, and nothing else. */
export class SystemReader {
  readonly #log: Logger
  readonly #failing = new Set<string>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** Returns what `read` returns, `undefined` where it throws. Logs each change once. */
  tryRead<T>(metric: string, read: () => T): T | undefined {
    try {
      const value = read()
      if (this.#failing.delete(metric)) this.#log.info({ metric }, 'can be read again')
      return value
    } catch (err) {
      if (!this.#failing.has(metric)) this.#log.warn({ metric, err }, 'cannot be read here; the metric is left out')
      this.#failing.add(metric)
      return undefined
    }
  }
}
