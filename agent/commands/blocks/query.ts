import type { Values } from '../flags.ts'
import type { Filter } from './filter.ts'
import type { formats, queryFlags } from './flags.ts'

export interface Query {
  readonly journal: string | undefined
  readonly filter: Filter
  /** The newest so many of those that fit. */
  readonly last: number | undefined
  readonly format: (typeof formats)[number]
  readonly summary: boolean
}

/** The time and the threshold that relative flags refer to. */
export interface QueryContext {
  readonly now: Date
  /** From how many ms of reconstruction on a block is slow. */
  readonly slowMs: number
}

const LAST = 20

/** Mistakes in flags that are right each by itself. */
export function problemsTogether(values: Values<typeof queryFlags>, now: Date): readonly string[] {
  const [since, until] = [values.since?.(now.getTime()), values.until?.(now.getTime())]
  return [
    ...(since !== undefined && until !== undefined && since >= until ? ['--until: must be later than --since'] : []),
    ...(values.summary && ['csv', 'ndjson'].includes(values.format ?? '') ? ['--format: a summary is a table or json'] : []),
  ]
}

/** The query that flags ask for. */
export function queryOf(values: Values<typeof queryFlags>, { now, slowMs }: QueryContext): Query {
  const filter: Filter = {
    slowMs: values.slow === true ? slowMs : values.slow,
    since: values.since?.(now.getTime()),
    until: values.until?.(now.getTime()),
    hash: values.hash,
    heights: values.height,
    nodes: values.node,
    paths: values.path,
  }
  const selectsNothing = !values.summary && Object.values(filter).every((asked) => asked === undefined)
  return {
    journal: values.journal,
    filter,
    last: values.last ?? (selectsNothing ? LAST : undefined),
    format: values.format ?? 'table',
    summary: values.summary ?? false,
  }
}
