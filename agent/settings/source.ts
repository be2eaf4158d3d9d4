import { type Key, type OwnType, options } from './schema.ts'

export interface Given {
  readonly value: unknown
  /** The place where an operator finds it: `--port`, `FIBRE_METRICS_PORT`, `config.yaml:3:1 (metrics_port)`. */
  readonly where: string
  /** As its own option's type reads it. */
  readonly written: string | readonly string[]
}

/** The settings of one source, and the problems found in it. */
export class Source {
  readonly given = new Map<Key, Given>()
  /** Settings whose value is invalid; whether they fit the others is not known. */
  readonly failed = new Set<Key>()
  readonly problems: string[] = []
  readonly warnings: string[] = []

  /** Adds a setting; the last one of several counts. */
  give(key: Key, raw: string | readonly string[], where: string, own?: OwnType): void {
    const { success, data, error } = (own?.type ?? options[key].type).safeParse(raw, { reportInput: true })
    if (success) return void this.given.set(key, { value: data, where, written: own ? own.write(data as never) : raw })
    const [issue] = error.issues
    const quoted = options[key].secret || raw === '' ? '' : `, not ${quote(raw, issue?.input)}`
    this.fail(key, `${where}: ${issue?.message ?? 'is not usable'}${quoted}`)
  }

  fail(key: Key, problem: string): void {
    this.failed.add(key)
    this.problems.push(problem)
  }
}

/** Of several texts, the one that is wrong by itself, if it is one. */
function quote(raw: string | readonly string[], wrong: unknown): string {
  if (typeof raw === 'string') return JSON.stringify(raw)
  return (typeof wrong === 'string' ? [wrong] : raw).map((text) => JSON.stringify(text)).join(', ')
}
