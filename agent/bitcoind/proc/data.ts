import { opendirSync, readlinkSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { chainDirectories, Options } from './options.ts'
import { ifReadable, readRegularFile, readStart, realPathIn, unlessGone } from './read.ts'

/** The data directory of a bitcoind, as a real path in the namespace of the process. */
export interface Data {
  /** Its data directory, in which several chains may lie. */
  readonly dataDirectory: string
  /** That of its chain: no two nodes share it. */
  readonly chainDirectory: string
}

/** Bounds of reads from a process: a process of any user may be called bitcoind. */
const MOST_WORDS = 128 * 1024
const MOST_CONFIGURATION = 256 * 1024
const MOST_INCLUDES = 8
/** bitcoind opens its lock and its log before nearly anything else; low numbers are listed first. */
const MOST_OPEN_FILES = 256
const PATH_MAX = 4096

/** `undefined` when the process has ended or is in the middle of its exec. */
export function findData(directory: string): Data | undefined {
  const words = unlessGone(() => readStart(`${directory}/cmdline`, MOST_WORDS))?.split('\0') ?? []
  if (words.length < 2) return undefined // empty until exec has put the arguments in place
  const told = readConfiguration(directory, words.slice(1))
  const dataDirectory = realPathIn(`${directory}/root`, told.dataDirectory)
  const chainDirectory = openChainDirectory(directory) ?? join(dataDirectory, chainDirectories[told.options.chain])
  const isBelow = chainDirectory === dataDirectory || dirname(chainDirectory) === dataDirectory
  return { dataDirectory: isBelow ? dataDirectory : baseOf(chainDirectory), chainDirectory }
}

/** Whether a path ends with the directory of a chain other than the main one. */
export const isOfTestChain = (chainDirectory: string) => testDirectories.has(basename(chainDirectory))
const testDirectories: ReadonlySet<string> = new Set(Object.values(chainDirectories).filter((name) => name !== ''))

const baseOf = (chainDirectory: string) => (isOfTestChain(chainDirectory) ? dirname(chainDirectory) : chainDirectory)

/** What a bitcoind was told: its options, where its data is, and the files that it reads them from. */
export interface Configuration {
  readonly options: Options
  /** As it was given: links are not followed. */
  readonly dataDirectory: string
  /** Its bitcoin.conf, and the files which that includes. */
  readonly files: readonly OptionsFile[]
}

/** A file of options, as a process sees its path. */
export interface OptionsFile {
  readonly path: string
  /** `undefined` where it could not be read. */
  readonly text: string | undefined
  /** The error's code then. */
  readonly fault?: string | undefined
}

/** Reads command line, environment and configuration files of a process; `directory` is its own in /proc. */
export function readConfiguration(directory: string, words = readWords(directory)): Configuration {
  const commandLine = Options.ofCommandLine(words)
  const here = ifReadable(() => readlinkSync(`${directory}/cwd`)) ?? '/'
  const path = (given: string) => resolve(here, given).slice(0, PATH_MAX)
  const first = path(commandLine.value('datadir') || defaultDirectory(directory))
  const read = (given: string) => readOptionsFile(directory, resolve(first, given))
  const main = commandLine.isNegated('conf') ? [] : [read(commandLine.value('conf') || 'bitcoin.conf')]
  const withFile = commandLine.withFile(...main.map(({ text }) => text ?? ''))
  const included = withFile.includes.slice(0, MOST_INCLUDES).map(read)
  const options = withFile.withFile(...included.map(({ text }) => text ?? ''))
  const given = options.value('datadir')
  return { options, dataDirectory: given ? path(given) : first, files: [...main, ...included] }
}

/** Reads a file of options by the path that it has for the process whose directory in /proc is `directory`. */
export function readOptionsFile(directory: string, path: string): OptionsFile {
  try {
    return { path, text: readRegularFile(`${directory}/root${path}`, MOST_CONFIGURATION) }
  } catch (error) {
    return { path, text: undefined, fault: (error as NodeJS.ErrnoException).code }
  }
}

/** The words behind the name of the program. Throws where the process has ended. */
const readWords = (directory: string) => readStart(`${directory}/cmdline`, MOST_WORDS).split('\0').slice(1)

/** As bitcoind does it: without HOME, the root directory is the home. */
function defaultDirectory(directory: string): string {
  const variables = ifReadable(() => readStart(`${directory}/environ`, MOST_WORDS))?.split('\0')
  if (!variables) return '.bitcoin'
  const home = variables.find((variable) => variable.startsWith('HOME='))?.slice('HOME='.length)
  return resolve('/', home ?? '', '.bitcoin')
}

/** The directory of the lock, or else of the log, that the process has open. Blocks may be elsewhere, with their own lock. */
function openChainDirectory(directory: string): string | undefined {
  const files = ifReadable(() => openFiles(`${directory}/fd`)) ?? []
  const holding = (name: string) => files.filter((file) => basename(file) === name).map((file) => dirname(file))
  const locked = holding('.lock').sort((a, b) => a.length - b.length)
  return locked.find((path) => basename(path) !== 'blocks') ?? locked[0] ?? holding('debug.log')[0]
}

function openFiles(directory: string): string[] {
  const listing = opendirSync(directory)
  try {
    const files: string[] = []
    for (let i = 0; i < MOST_OPEN_FILES; i++) {
      const entry = listing.readSync()
      if (entry === null) break
      const file = ifReadable(() => readlinkSync(`${directory}/${entry.name}`))
      if (file?.startsWith('/')) files.push(file)
    }
    return files
  } finally {
    listing.closeSync()
  }
}
