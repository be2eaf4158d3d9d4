import type * as z from 'zod'
import { type Key, options } from './schema.ts'

export interface Given {
  readonly value: unknown
  /** Where an operator finds it: `--port`, `FIBRE_METRICS_PORT`, `config.yaml:3:1 (metrics_port)`. */
  readonly where: string
}

/** What one source of settings says, and what is wrong with it. */
export class Source {
  readonly given = new Map<Key, Given>()
  /** Given, but of no use; whether they fit the others cannot be said. */
  readonly failed = new Set<Key>()
  readonly problems: string[] = []
  readonly warnings: string[] = []

  /** Takes a setting in; of several the last one counts. */
  give(key: Key, raw: string | readonly string[], where: string, type: z.ZodType = options[key].type): void {
    const { success, data, error } = type.safeParse(raw)
    if (success) return void this.given.set(key, { value: data, where })
    const quoted = options[key].secret || raw === '' ? '' : `, not ${JSON.stringify(raw)}`
    this.fail(key, `${where}: ${error.issues[0]?.message ?? 'is not usable'}${quoted}`)
  }

  fail(key: Key, problem: string): void {
    this.failed.add(key)
    this.problems.push(problem)
  }
}
