/** A value of one of bitcoind's options, and its section of the configuration file; '' is above all sections. */
interface Given {
  readonly section: string
  readonly name: string
  readonly value: string
}

/** The directory of each chain below the data directory, and bitcoind's own name of the chain. */
export const chainDirectories = { main: '', test: 'testnet3', testnet4: 'testnet4', signet: 'signet', regtest: 'regtest' } as const
type Chain = keyof typeof chainDirectories

const chainSwitches: Readonly<Record<string, Chain>> = { regtest: 'regtest', signet: 'signet', testnet4: 'testnet4', testnet: 'test' }
/** Options whose value may also be the next word: bitcoind wants `=`, programs that stand in for it take both. */
const withValue = new Set(['datadir', 'conf', 'chain'])

/** bitcoind's options, as its command line and its configuration file give them (common/args.cpp of Bitcoin Core). */
export class Options {
  readonly #commandLine: readonly Given[]
  readonly #file: readonly Given[]

  constructor(commandLine: readonly Given[], file: readonly Given[] = []) {
    this.#commandLine = commandLine
    this.#file = file
  }

  static ofCommandLine(words: readonly string[]): Options {
    return new Options(readWords(words))
  }

  /** With what a configuration file says, and the files that it includes. */
  withFile(...texts: readonly string[]): Options {
    return new Options(this.#commandLine, [...this.#file, ...texts.flatMap(readFile)])
  }

  /** The last value of the command line, else the first of the file: the chain's section comes before what stands above all sections. */
  value(name: string): string | undefined {
    const sections = [this.chain, '']
    return (
      this.#commandLine.findLast((given) => given.name === name)?.value ??
      sections.map((section) => this.#file.find((given) => given.name === name && given.section === section)?.value).find(Boolean)
    )
  }

  get chain(): Chain {
    const chosen = Object.keys(chainSwitches).find((name) => isTrue(this.#valueOfChain(name)))
    if (chosen !== undefined) return chainSwitches[chosen] as Chain
    const named = this.#valueOfChain('chain')
    return named !== undefined && Object.hasOwn(chainDirectories, named) ? (named as Chain) : 'main'
  }

  /** Files that the configuration file includes. */
  get includes(): readonly string[] {
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
    return [negated({ section: '', name, value: value ?? separate })]
  })
}

function readFile(text: string): Given[] {
  const given: Given[] = []
  let section = ''
  for (const line of text.split('\n')) {
    const words = line.replace(/#.*/, '').trim()
    const header = /^\[(.*)\]$/.exec(words)
    if (header) section = header[1] as string
    const [, prefix, name, value] = /^(?:([^.=]+)\.)?([^=]+?)\s*=\s*(.*)$/.exec(header ? '' : words) ?? []
    if (name !== undefined && value !== undefined) given.push(negated({ section: section || prefix || '', name, value }))
  }
  return given
}

/** `-notestnet` and `notestnet=1` are `testnet=0`. */
function negated({ section, name, value }: Given): Given {
  const positive = name.replace(/^no/, '')
  return positive in chainSwitches && positive !== name
    ? { section, name: positive, value: isTrue(value) ? '0' : '1' }
    : { section, name, value }
}

/** As C's atoi reads it; nothing at all is yes. */
const isTrue = (value: string | undefined) => value !== undefined && (value === '' || Number.parseInt(value, 10) !== 0)
