import { didYouMean } from '../settings/suggest.ts'
import type { Filter } from './filter.ts'
import { type FlagName, flagNames, flagOf, type formats, type Values } from './query-flags.ts'

export interface Query {
  readonly help: boolean
  readonly journal: string | undefined
  readonly filter: Filter
  /** The newest so many of those that fit. */
  readonly last: number | undefined
  readonly format: (typeof formats)[number]
  readonly summary: boolean
}

/** What questions refer to. */
export interface Context {
  readonly now: Date
  /** From how many ms of reconstruction on a block is slow. */
  readonly slowMs: number
}

/** Every reason why a command line is no query. */
export class QueryError extends Error {
  override readonly name = 'QueryError'

  constructor(problems: readonly string[]) {
    super(
      [
        'blocks cannot be asked for in this way:',
        ...problems.map((problem) => `  ${problem}`),
        'All flags: fibre-agent blocks --help',
      ].join('\n'),
    )
  }
}

const LAST = 20

/** Reads the command line, behind the word `blocks`. */
export function readQuery(argv: readonly string[], { now, slowMs }: Context): Query {
  const { values, problems } = new Reader().read(argv)
  const [since, until] = [values.since?.(now.getTime()), values.until?.(now.getTime())]
  if (since !== undefined && until !== undefined && since >= until) problems.push('--until: must be later than --since')
  if (values.summary && ['csv', 'ndjson'].includes(values.format ?? '')) problems.push('--format: a summary is a table or json')
  if (problems.length > 0 && !values.help) throw new QueryError(problems)

  const filter: Filter = {
    slowMs: values.slow === true ? slowMs : values.slow,
    since,
    until,
    hash: values.hash,
    heights: values.height,
    nodes: values.node,
    paths: values.path,
  }
  const selectsNothing = !values.summary && Object.values(filter).every((asked) => asked === undefined)
  return {
    help: values.help ?? false,
    journal: values.journal,
    filter,
    last: values.last ?? (selectsNothing ? LAST : undefined),
    format: values.format ?? 'table',
    summary: values.summary ?? false,
  }
}

/** Takes words apart: flags by their names or unambiguous beginnings, `--flag VALUE` and `--flag=VALUE`. */
class Reader {
  readonly #values: Partial<Record<FlagName, unknown>> = {}
  readonly #problems: string[] = []

  read(argv: readonly string[]): { readonly values: Values; readonly problems: string[] } {
    const words = [...argv]
    for (let word = words.shift(); word !== undefined; word = words.shift()) this.#readWord(word, words)
    return { values: this.#values as Values, problems: this.#problems }
  }

  #readWord(word: string, rest: string[]): void {
    const [, name, inline] = /^(--?[^=-][^=]*)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) return void this.#fail(JSON.stringify(word), 'is no flag; blocks are named by --hash or --height')
    const flag = this.#flagNamed(name)
    const isSwitch = flag !== undefined && flagOf(flag).type === undefined
    const value = inline ?? (isSwitch ? undefined : valueIn(rest)) // an unknown flag's value goes with it
    if (flag !== undefined) this.#take(flag, value)
  }

  #flagNamed(name: string): FlagName | undefined {
    const short = flagNames.find((flag) => name === `-${flagOf(flag).short}`)
    const meant = short ? [short] : flagNames.filter((flag) => name.startsWith('--') && `--${flag}`.startsWith(name))
    if (meant.length === 1) return meant[0]
    const spelled = (meant.length > 0 ? meant : flagNames).map((flag) => `--${flag}`)
    const wayOut =
      meant.length > 0 ? `could be ${spelled.join(', ')}` : `there is no such flag${didYouMean(name, () => undefined, spelled)}`
    this.#fail(name, wayOut)
    return undefined
  }

  #take(flag: FlagName, text: string | undefined): void {
    const { type, placeholder, many } = flagOf(flag)
    const mayStandAlone = type === undefined || placeholder?.startsWith('[')
    if (text === undefined && mayStandAlone) this.#values[flag] = true
    else if (text === undefined) this.#fail(`--${flag}`, `needs a value; one that begins with - is given as --${flag}=VALUE`)
    else if (type === undefined) this.#fail(`--${flag}`, 'takes no value')
    else {
      const { success, data, error } = type.safeParse(text)
      if (!success) this.#fail(`--${flag}`, `${error.issues[0]?.message}${text === '' ? '' : `, not ${JSON.stringify(text)}`}`)
      else this.#values[flag] = many ? [...((this.#values[flag] as readonly unknown[] | undefined) ?? []), data] : data
    }
  }

  #fail(what: string, problem: string): void {
    this.#problems.push(`${what}: ${problem}`)
  }
}

/** Takes the next word if it can be a value. */
function valueIn(rest: string[]): string | undefined {
  return rest[0] === undefined || /^-\D/.test(rest[0]) ? undefined : rest.shift()
}
