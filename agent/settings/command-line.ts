import { parseArgs } from 'node:util'
import { candidates, type Flag, flags } from './flags.ts'
import { type Action, actions, type Key, options } from './schema.ts'
import { Source } from './source.ts'
import { didYouMean } from './suggest.ts'

type Token = ReturnType<typeof tokenize>[number]
type FlagToken = Extract<Token, { kind: 'option' }>

const actionFlags = Object.values(actions).map(({ flag }) => `--${flag}`)

/** What the command line says. It is read as argparse reads it: beginnings of flags, `--flag=value`, the last one counts. */
export class CommandLine extends Source {
  readonly actions = new Set<Action>()
  readonly #lists = new Map<Key, string[]>()
  /** The last flag that was of no use, and the position of a word that would have been its value: perhaps a secret. */
  #useless = { flag: -1, value: -1 }

  read(argv: readonly string[]): this {
    for (const token of tokenize(argv)) {
      if (token.kind === 'positional') this.#readWord(token)
      else if (token.kind === 'option' && token.index !== this.#useless.flag) this.#readFlag(token)
    }
    for (const [key, list] of this.#lists) this.give(key, list, `--${options[key].flag}`)
    return this
  }

  #readWord({ index, value }: Extract<Token, { kind: 'positional' }>): void {
    if (index === this.#useless.value) return
    const word = value.split('=', 1)[0] // the rest of metrics-auth-password=… is not for printing
    this.problems.push(`${JSON.stringify(word)}: there is no such command; settings are given as --flag value`)
  }

  #readFlag(token: FlagToken): void {
    const flag = flags.get(token.name)
    if (!flag) return void this.#refuseFlag(token)
    if (flag.kind === 'action') this.actions.add(flag.action)
    else if (flag.kind === 'switch') this.#readSwitch(flag.key, flag.value, token)
    else this.#readValue(flag.key, token)
  }

  #refuseFlag({ index, rawName }: FlagToken): void {
    const name = rawName.replace(/^--/, '')
    const meant = name === rawName ? [] : candidates(name)
    const wayOut =
      meant.length > 0
        ? `could be ${meant.map((flag) => `--${flag}`).join(', ')}`
        : `there is no such flag${didYouMean(name, ({ flag }) => `--${flag}`, actionFlags)}`
    const word = rawName.replace(/[^\w.-].*/s, '') // as above
    this.problems.push(`${word}: ${wayOut}`)
    this.#useless = { flag: index, value: index + 1 }
  }

  #readSwitch(key: Key, switchValue: 'true' | 'false', { name, value, inlineValue }: FlagToken): void {
    if (!inlineValue) this.give(key, switchValue, `--${name}`)
    else if (switchValue === 'true') this.give(key, value, `--${name}`)
    else this.fail(key, `--${name}: takes no value`)
  }

  #readValue(key: Key, { name, index, value, inlineValue }: FlagToken): void {
    if (value === undefined || (!inlineValue && /^-\D/.test(value))) {
      this.fail(key, `--${name}: needs a value; one that begins with - is given as --${name}=VALUE`)
      this.#useless = { flag: index, value: index + 2 }
    } else if (key === 'nodes' && !value.includes('=')) {
      this.give('nodeName', value, `--${name}`) // argparse took --node for --node-name
    } else if (options[key].many) {
      this.#lists.set(key, [...(this.#lists.get(key) ?? []), value])
    } else {
      this.give(key, value, `--${name}`)
    }
  }
}

function tokenize(argv: readonly string[]) {
  const known = [...flags].map(([name, flag]) => [name, { type: flag.kind === 'value' ? 'string' : 'boolean', ...shortOf(flag) }] as const)
  return parseArgs({ args: argv.map(spellOut), options: Object.fromEntries(known), strict: false, allowPositionals: true, tokens: true })
    .tokens
}

function shortOf({ short }: Flag) {
  return short ? { short } : {}
}

/** `--metrics-auth-u=X` to `--metrics-auth-username=X`, and `-p=1`, which parseArgs does not know, to `--pid=1`. */
function spellOut(word: string): string {
  const [, dashes, name = '', value = ''] = /^(--?)([^=-][^=]*)(=.*)?$/s.exec(word) ?? []
  if (dashes === '--') return `--${candidates(name).length === 1 ? candidates(name)[0] : name}${value}`
  const long = value && [...flags].find(([, flag]) => flag.short === name)?.[0]
  return long ? `--${long}${value}` : word
}
