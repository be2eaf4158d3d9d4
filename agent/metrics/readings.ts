import type { Logger } from 'pino'

/** Readings of the machine and of this process. One that fails costs the metric that it is for, and nothing else. */
export class Readings {
  readonly #log: Logger
  readonly #failing = new Set<string>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** What `read` returns, `undefined` where it fails; each change is logged once. */
  take<T>(metric: string, read: () => T): T | undefined {
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
