import { parseArgs } from 'node:util'
import type { Flag, Flags } from './flags.ts'

/** A part of a command line. */
export type Token =
  | { readonly kind: 'flag'; readonly name: string; readonly isNegated: boolean; readonly value: string | undefined }
  | { readonly kind: 'word'; readonly word: string }
  /** With the name of the flag that it is about, where that is known. */
  | { readonly kind: 'problem'; readonly name?: string; readonly problem: string }

/** A word after `--` that stands for a flag: its name, or `no-` and its name. */
interface Spelling {
  readonly name: string
  readonly flag: Flag
  readonly isNegated: boolean
}

/**
 * Takes a command line apart as argparse does: `--flag value`, `--flag=value`, `-f value`, `-f=value`, `-fvalue`, several switches
 * behind one dash, unambiguous beginnings of flags, and nothing but words behind `--`. Foreign text is not repeated in problems: it may be a secret.
 */
export function* tokenize(argv: readonly string[], flags: Flags, didYouMean: (name: string) => string): Generator<Token> {
  const spellings = spellingsOf(flags)
  const end = argv.indexOf('--')
  const args = argv.map((word, index) => (end === -1 || index < end ? spellOut(word, spellings) : word))
  const known = [...spellings].map(([spelled, spelling]) => [spelled, shapeOf(spelling)] as const)
  const { tokens } = parseArgs({ args, options: Object.fromEntries(known), strict: false, allowPositionals: true, tokens: true })
  const words = new Map(tokens.flatMap((token) => (token.kind === 'positional' ? [[token.index, token.value]] : [])))
  // argparse would take -port for -p ort.
  const isLongName = (word = '') => spellings.has(/^-([\w.-]{3,})/.exec(word)?.[1] ?? '')
  let refusedAt = -1
  let valueAt = -1

  for (const token of tokens) {
    if (token.kind === 'positional' && token.index !== valueAt) yield { kind: 'word', word: token.value }
    if (token.kind !== 'option' || token.index === refusedAt) continue
    const { name: spelled, index, value, inlineValue: isInline } = token
    const spelling = isLongName(argv[index]) ? undefined : spellings.get(spelled)
    if (spelling === undefined) {
      yield { kind: 'problem', problem: problemOfUnknown(token.rawName, argv[index] ?? '', spellings, didYouMean) }
      refusedAt = index
      valueAt = index + 1 // what would have been its value
      continue
    }
    const { name, flag, isNegated } = spelling
    const form = isNegated ? 'switch' : formOf(flag)
    if (form === 'value' && (value === undefined || (!isInline && /^-\D/.test(value)))) {
      yield { kind: 'problem', name, problem: `--${name}: needs a value; one that begins with - is given as --${name}=VALUE` }
      if (value === undefined) continue
      yield* tokenize(argv.slice(index + 1), flags, didYouMean) // what was taken for the value is a flag
      return
    }
    if (form === 'optional value' && !isInline) valueAt = index + 1
    if (form === 'switch' && isInline && (isNegated || !flag.isNegatable))
      yield { kind: 'problem', name, problem: `--${spelled}: takes no value` }
    else yield { kind: 'flag', name, isNegated, value: form === 'optional value' && !isInline ? words.get(valueAt) : value }
  }
}

/** Whether a flag is a switch, or takes a value. */
function formOf({ placeholder }: Flag): 'switch' | 'value' | 'optional value' {
  return placeholder === undefined ? 'switch' : placeholder.startsWith('[') ? 'optional value' : 'value'
}

function spellingsOf(flags: Flags): ReadonlyMap<string, Spelling> {
  const spellings = new Map<string, Spelling>()
  for (const [name, flag] of Object.entries(flags)) {
    spellings.set(name, { name, flag, isNegated: false })
    if (flag.isNegatable) spellings.set(`no-${name}`, { name, flag, isNegated: true })
  }
  return spellings
}

function shapeOf({ flag, isNegated }: Spelling) {
  const type = !isNegated && formOf(flag) === 'value' ? ('string' as const) : ('boolean' as const)
  return { type, ...(flag.short && !isNegated ? { short: flag.short } : {}) }
}

/** `--metrics-auth-u=X` to `--metrics-auth-username=X`, and `-p=1`, which parseArgs does not know, to `--pid=1`. */
function spellOut(word: string, spellings: ReadonlyMap<string, Spelling>): string {
  const [, dashes, name = '', value = ''] = /^(--?)([^=-][^=]*)(=.*)?$/s.exec(word) ?? []
  if (dashes === '--') {
    const [meant, ...others] = candidates(name, spellings)
    return `--${meant && others.length === 0 ? meant : name}${value}`
  }
  const long = value && [...spellings].find(([, { flag, isNegated }]) => flag.short === name && !isNegated)?.[0]
  return long ? `--${long}${value}` : word
}

/**
 * The flags that a name or the beginning of one may stand for; one if it is clear. argparse takes beginnings, so operators use them.
 * Where one candidate begins all others it is meant: our additions then never make an older flag's beginning ambiguous
 * (--metrics-auth-p, --conf, and --nod, since --node takes what --node-name takes). --n and --no are no such beginnings: --no-wait has them, too.
 */
function candidates(name: string, spellings: ReadonlyMap<string, Spelling>): readonly string[] {
  if (spellings.has(name)) return [name]
  const begun = [...spellings].filter(([spelled]) => spelled.startsWith(name))
  const all = begun.filter(([, { flag }]) => !flag.yields || begun.length === 1).map(([spelled]) => spelled)
  const shortest = all.find((spelled) => all.every((other) => other.startsWith(spelled)))
  return shortest ? [shortest] : all
}

function problemOfUnknown(
  rawName: string,
  word: string,
  spellings: ReadonlyMap<string, Spelling>,
  didYouMean: (name: string) => string,
): string {
  const name = rawName.replace(/^--/, '')
  if (name === rawName) {
    const [whole = ''] = /^[\w.-]{2,}/.exec(word.slice(1)) ?? []
    const [meant, ...others] = whole ? candidates(whole, spellings) : []
    return meant && others.length === 0 ? `-${whole}: there is no such flag; did you mean --${meant}?` : `${rawName}: there is no such flag`
  }
  const meant = candidates(name, spellings)
  const wayOut = meant.length > 0 ? `could be ${meant.map((flag) => `--${flag}`).join(', ')}` : `there is no such flag${didYouMean(name)}`
  return `${rawName.replace(/[^\w.-].*/s, '')}: ${wayOut}`
}
