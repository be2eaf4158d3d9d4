/** A value of one of bitcoind's options, and its section of the configuration file; '' is above all sections. */
interface Given {
  readonly section: string
  readonly name: string
  readonly value: string
  /** `-nodebug` and `nodebug=1` take back what was given of `debug`. */
  readonly isNegated: boolean
}

/** The directory of each chain below the data directory, and bitcoind's own name of the chain. */
export const chainDirectories = { main: '', test: 'testnet3', testnet4: 'testnet4', signet: 'signet', regtest: 'regtest' } as const
type Chain = keyof typeof chainDirectories

const chainSwitches: Readonly<Record<string, Chain>> = { regtest: 'regtest', signet: 'signet', testnet4: 'testnet4', testnet: 'test' }
/** Options whose value may also be the next word: bitcoind wants `=`, programs that stand in for it take both. */
const withValue = new Set(['datadir', 'conf', 'chain'])

/** bitcoind's options, as its command line and its files give them (common/args.cpp and common/settings.cpp of Bitcoin Core). */
export class Options {
  readonly #commandLine: readonly Given[]
  readonly #file: readonly Given[]
  /** Of settings.json, which the program itself writes. */
  readonly #settings: readonly Given[]

  constructor(commandLine: readonly Given[], file: readonly Given[] = [], settings: readonly Given[] = []) {
    this.#commandLine = commandLine
    this.#file = file
    this.#settings = settings
  }

  static ofCommandLine(words: readonly string[]): Options {
    return new Options(readWords(words))
  }

  /** With what a configuration file says, and the files that it includes. */
  withFile(...texts: readonly string[]): Options {
    return new Options(this.#commandLine, [...this.#file, ...texts.flatMap(readFile)], this.#settings)
  }

  /** With what settings.json says. */
  withSettings(text: string): Options {
    return new Options(this.#commandLine, this.#file, readSettings(text))
  }

  /** The last value of the command line, else that of settings.json, else the first of the file: the chain's section comes before what stands above all sections. */
  value(name: string): string | undefined {
    const [commandLine, settings, ...sections] = this.#sourcesOf(name)
    const given = commandLine?.at(-1) ?? settings?.at(-1)
    return given ? textOf(given) : sections.map(([first]) => first && textOf(first)).find(Boolean)
  }

  /** Every value of an option that may be given several times. One that was taken back takes back those before it, and those of what counts less. */
  values(name: string): readonly string[] {
    const values: string[] = []
    for (const given of this.#sourcesOf(name)) {
      const negated = given.findLastIndex(({ isNegated }) => isNegated)
      values.push(...given.slice(negated + 1).map(({ value }) => value))
      if (negated >= 0) break
    }
    return values
  }

  /** Whether an option is taken back, as `-nodebuglogfile` does it; `-debuglogfile=0` names a file. */
  isNegated(name: string): boolean {
    const [commandLine, settings, ...sections] = this.#sourcesOf(name)
    const given = commandLine?.at(-1) ?? settings?.at(-1) ?? sections.find((section) => section.length > 0)?.[0]
    return given?.isNegated ?? false
  }

  /** Of the source that counts most first. */
  #sourcesOf(name: string): readonly (readonly Given[])[] {
    const ofName = (given: readonly Given[]) => given.filter((one) => one.name === name)
    const ofSection = (section: string) => ofName(this.#file).filter((one) => one.section === section)
    return [ofName(this.#commandLine), ofName(this.#settings), ofSection(this.chain), ofSection('')]
  }

  get chain(): Chain {
    const chosen = Object.keys(chainSwitches).find((name) => isTrue(this.#valueOfChain(name)))
    if (chosen !== undefined) return chainSwitches[chosen] as Chain
    const named = this.#valueOfChain('chain')
    return named !== undefined && Object.hasOwn(chainDirectories, named) ? (named as Chain) : 'main'
  }

  /** Files that the configuration file includes. */
  get includes(): readonly string[] {
    if (this.isNegated('includeconf')) return []
    return this.#file.filter(({ name, section }) => name === 'includeconf' && ['', this.chain].includes(section)).map(({ value }) => value)
  }

  /** An option that selects the chain counts only above all sections; the last value there counts. */
  #valueOfChain(name: string): string | undefined {
    return [this.#commandLine, this.#file]
      .map((given) => given.findLast((one) => one.name === name && one.section === '')?.value)
      .find((value) => value !== undefined)
  }
}

function readWords(words: readonly string[]): Given[] {
  return words.flatMap((word, i) => {
    const [, name, value] = /^--?([^=]+)(?:=(.*))?$/s.exec(word) ?? []
    if (name === undefined) return []
    const next = words[i + 1]
    const separate = withValue.has(name) && next !== undefined && !next.startsWith('-') ? next : ''
    return [given('', name, value ?? separate)]
  })
}

function readFile(text: string): Given[] {
  const all: Given[] = []
  let section = ''
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').trim()
    const header = /^\[(.*)\]$/.exec(words)
    if (header) section = header[1] as string
    const [, prefix, name, value] = /^(?:([^.=]+)\.)?([^=]+?)\s*=\s*(.*)$/.exec(header ? '' : words) ?? []
    if (name !== undefined && value !== undefined) all.push(given(section || prefix || '', name, value))
  }
  return all
}

/** Values are texts, numbers, booleans, or lists of them. */
function readSettings(text: string): Given[] {
  const settings: unknown = JSON.parse(text)
  if (typeof settings !== 'object' || settings === null) return []
  return Object.entries(settings).flatMap(([name, values]: [string, unknown]) =>
    [values].flat().map((value): Given => ({ section: '', name, value: value === true ? '1' : `${value}`, isNegated: value === false })),
  )
}

/** `-notestnet` and `notestnet=1` are `testnet=0`, and `notestnet=0` is `testnet=1`; no option's own name begins with `no`. */
function given(section: string, name: string, value: string): Given {
  if (!/^no./.test(name)) return { section, name, value, isNegated: false }
  const isNegated = isTrue(value)
  return { section, name: name.slice(2), value: isNegated ? '0' : '1', isNegated }
}

const textOf = ({ value, isNegated }: Given) => (isNegated ? undefined : value)

/** As C's atoi reads it; nothing at all is yes. */
const isTrue = (value: string | undefined) => value !== undefined && (value === '' || Number.parseInt(value, 10) !== 0)
