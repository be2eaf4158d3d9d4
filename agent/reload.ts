import { isDeepStrictEqual } from 'node:util'
import type { Logger } from 'pino'
import { setLevel } from './log.ts'
import { type Settings, SettingsError } from './settings/load.ts'
import { type Key, keys, options } from './settings/schema.ts'
import { reloadable, switchSameOn } from './terms.ts'

/** Settings as the command line, the environment and the configuration file give them now. Throws a SettingsError where they are invalid. */
export type ReadSettings = () => Settings

/** The settings in effect, which SIGHUP reads anew. */
export class SettingsReload {
  readonly #read: ReadSettings
  readonly #log: Logger
  #current: Settings
  #problems: readonly string[] = []

  constructor(read: ReadSettings, log: Logger) {
    this.#read = read
    this.#log = log
    this.#current = read()
  }

  /** Why the settings in effect are older than those that are given, if so. */
  get fault(): string | undefined {
    return this.#problems.length === 0 ? undefined : this.#problems.join('; ')
  }

  /** Takes what can change while the agent runs, and says which other settings take a restart. Returns the settings in effect. */
  reload(): Settings {
    const read = this.#readAnew()
    const changed = keys.filter((key) => !isDeepStrictEqual(read[key], this.#current[key]))
    const live: readonly Key[] = ['logLevel', ...(switchSameOn(read, this.#current) ? reloadable : [])]
    const taken = changed.filter((key) => live.includes(key))
    const left = changed.filter((key) => !live.includes(key))
    this.#current = { ...this.#current, ...Object.fromEntries(taken.map((key) => [key, read[key]])) }
    setLevel(this.#log, this.#current.logLevel)
    if (taken.length > 0) this.#log.info({ settings: taken.map(nameOf) }, 'settings reloaded')
    if (left.length > 0) this.#log.warn({ settings: left.map(nameOf) }, 'changed settings take effect after a restart')
    return this.#current
  }

  #readAnew(): Settings {
    try {
      const read = this.#read()
      this.#problems = []
      return read
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error
      this.#problems = error.problems
      this.#log.error({ problems: error.problems }, 'settings not reloaded, still using the old ones')
      return this.#current
    }
  }
}

/** The name in the configuration file, or that of the flag. */
function nameOf(key: Key): string {
  const { yaml, flag } = options[key]
  return yaml[0] ?? `--${flag}`
}
