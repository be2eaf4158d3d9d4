import { type Key, keys, options } from '../settings/schema.ts'
import { settingNames } from '../settings/setting-names.ts'
import { Source } from '../settings/source.ts'
import { didYouMean } from '../settings/suggest.ts'
import { commonFlags, type Flag, type Flags, flagOfSetting, type Values } from './flags.ts'
import { tokenize } from './tokens.ts'

/** The words that a command takes. */
export interface Grammar<F extends Flags> {
  readonly flags: F
  /** Settings that are given with flags; by default all. */
  readonly settings?: readonly Key[]
  /** What to write in place of flags that there are not, but that are looked for. */
  readonly instead?: Readonly<Record<string, string>>
  /** Why a word that is no flag is out of place, if it is; `before` are the words before it. */
  problemOfWord(word: string, before: readonly string[]): string | undefined
}

/** The values that a command line gives, and its mistakes, in the order of its words. */
export interface CommandLine<F extends Flags> {
  /** Of the command's own flags. */
  readonly values: Values<F & typeof commonFlags>
  readonly settings: Source
  readonly words: readonly string[]
  readonly problems: string[]
}

/** Reads the words behind a command's name. */
export function readCommandLine<F extends Flags>(argv: readonly string[], grammar: Grammar<F>): CommandLine<F> {
  return new Reader(grammar).read(argv) as CommandLine<F>
}

/** All flags of a command by name: those of settings, its own, and those that every command has. */
export function allFlags({ flags, settings = keys }: Pick<Grammar<Flags>, 'flags' | 'settings'>): Flags {
  return { ...Object.fromEntries(settings.map((key) => [options[key].flag, flagOfSetting(key)])), ...flags, ...commonFlags }
}

class Reader {
  readonly #grammar: Grammar<Flags>
  readonly #flags: Flags
  readonly #keys: ReadonlyMap<string, Key>
  readonly #values: Record<string, unknown> = {}
  readonly #settings = new Source()
  readonly #lists = new Map<Key, string[]>()
  readonly #words: string[] = []
  /** Names without a path that --node gave. */
  readonly #plainNames = new Set<string>()

  constructor(grammar: Grammar<Flags>) {
    this.#grammar = grammar
    this.#flags = allFlags(grammar)
    this.#keys = new Map((grammar.settings ?? keys).map((key) => [options[key].flag, key]))
  }

  read(argv: readonly string[]): CommandLine<Flags> {
    for (const token of tokenize(argv, this.#flags, (name) => this.#suggest(name))) {
      if (token.kind === 'word') this.#takeWord(token.word)
      else if (token.kind === 'problem') this.#fail(token.name, token.problem)
      else if (this.#keys.has(token.name)) this.#takeSetting(this.#keys.get(token.name) as Key, token.isNegated ? 'false' : token.value)
      else this.#takeValue(token.name, this.#flags[token.name] as Flag, token.value)
    }
    this.#judgePlainNames()
    for (const [key, list] of this.#lists) this.#settings.give(key, list, `--${options[key].flag}`)
    const { problems } = this.#settings
    return { values: this.#values as Record<string, true>, settings: this.#settings, words: this.#words, problems }
  }

  #takeWord(word: string): void {
    const problem = this.#grammar.problemOfWord(word, this.#words)
    if (problem === undefined) this.#words.push(word)
    else this.#fail(undefined, problem)
  }

  #takeSetting(key: Key, value = 'true'): void {
    const { flag, many } = options[key]
    if (key === 'nodes' && !value.includes('=')) this.#takePlainName(value)
    else if (many) this.#lists.set(key, [...(this.#lists.get(key) ?? []), value])
    else this.#settings.give(key, value, `--${flag}`)
  }

  /** The older exporter had --node-name alone, and argparse took --node for it. No name of a node was a path. */
  #takePlainName(name: string): void {
    if (name.includes('/')) return void this.#refuseNode(name, `--node NAME=${name}`)
    this.#settings.give('nodeName', name, '--node')
    this.#plainNames.add(name)
  }

  /** That one took a single name. Whoever gives several, or a path with another, means nodes by their paths. */
  #judgePlainNames(): void {
    if (this.#plainNames.size > 1 || this.#lists.has('nodes'))
      for (const name of this.#plainNames) this.#refuseNode(name, `--node ${name}=PATH, with its data directory or executable`)
    else if (this.#plainNames.size > 0)
      this.#settings.warnings.push('--node NAME=PATH names a node by its data directory; for the plain name write --node-name')
  }

  #refuseNode(value: string, wayOut: string): void {
    this.#settings.fail('nodes', `--node: must be NAME=PATH, not ${JSON.stringify(value)}; write ${wayOut}`)
  }

  #takeValue(name: string, { type, many }: Flag, text: string | undefined): void {
    const { success, data, error } = type === undefined || text === undefined ? { success: true, data: true } : type.safeParse(text)
    if (!success) this.#fail(name, `--${name}: ${error?.issues[0]?.message}${text === '' ? '' : `, not ${JSON.stringify(text)}`}`)
    else this.#values[name] = many ? [...((this.#values[name] as readonly unknown[] | undefined) ?? []), data] : data
  }

  #fail(flag: string | undefined, problem: string): void {
    const key = flag === undefined ? undefined : this.#keys.get(flag)
    if (key === undefined) this.#settings.problems.push(problem)
    else this.#settings.fail(key, problem)
  }

  #suggest(name: string): string {
    const instead = this.#grammar.instead?.[name]
    if (instead !== undefined) return `; write ${instead}`
    const others = Object.keys(this.#flags).map((flag) => ({ spelling: flag, shown: `--${flag}` }))
    const settings = settingNames(({ flag }) => `--${flag}`).filter(({ shown }) => this.#keys.has(shown?.slice(2) ?? ''))
    return didYouMean(name, [...settings, ...others])
  }
}
