import { type Key, keys, options, type Settings } from './schema.ts'
import { Source } from './source.ts'

/** The result of all sources together. */
export interface Effective {
  readonly settings: Settings
  /** The source of each setting. */
  readonly sources: Readonly<Record<Key, string>>
  /** Settings as their options' types read them; without those that were taken out of files, or that nothing gives. */
  readonly written: Partial<Readonly<Record<Key, string | readonly string[]>>>
  /** Settings that a source gave with an invalid value. */
  readonly failed: ReadonlySet<Key>
}

/** The first source that gives a setting decides it. */
export function merge(sources: readonly Source[]): Effective {
  const given = keys.map((key) => [key, sources.find((source) => source.given.has(key))?.given.get(key)] as const)
  return {
    // Each value came out of its option's type, and a default stands behind every option that Settings promises.
    settings: Object.fromEntries(given.map(([key, winner]) => [key, winner?.value])) as Settings,
    sources: Object.fromEntries(given.map(([key, winner]) => [key, winner?.where ?? 'not set'])) as Record<Key, string>,
    written: Object.fromEntries(given.flatMap(([key, winner]) => (winner ? [[key, winner.written]] : []))),
    failed: new Set(sources.flatMap(({ failed }) => [...failed])),
  }
}

/** The last source, which always has an answer. */
export function defaults(): Source {
  const source = new Source()
  for (const key of keys) {
    const { default: value } = options[key]
    if (value !== undefined) source.give(key, value, 'default')
  }
  return source
}

export function withSetting<K extends Key>(effective: Effective, key: K, value: Settings[K], where: string, written?: string): Effective {
  return {
    ...effective,
    written: { ...effective.written, [key]: written },
    settings: { ...effective.settings, [key]: value },
    sources: { ...effective.sources, [key]: where },
  }
}

/** Everything a setting can be given with, for the way out of a problem. */
export function spellings(key: Key): string {
  const { flag, env, yaml } = options[key]
  return `--${flag} (${[env, ...yaml.slice(0, 1)].join(', ')})`
}
