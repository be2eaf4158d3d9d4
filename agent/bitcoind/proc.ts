import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

/** A process, as its directory in /proc has it. */
export interface RunningProcess {
  readonly pid: number
  readonly parent: number
  /** Clock ticks from the host's boot to the start of the process: tells two users of one pid apart. */
  readonly startTicks: number
  /** What /proc/PID/exe names, without ` (deleted)`. In another mount namespace this is a path over there. */
  readonly executable: string
  /** Device and inode of the executable. */
  readonly identity: string
  readonly dataDirectory: string
}

/** Device and inode of a file; `undefined` when there is none. Following /proc/PID/exe works for deleted files and across namespaces. */
export function identityOf(path: string): string | undefined {
  const file = unlessGone(() => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return file && `${file.dev}:${file.ino}`
}

export function readExecutable(directory: string): string | undefined {
  return unlessGone(() => readlinkSync(`${directory}/exe`))?.replace(/ \(deleted\)$/, '')
}

/** The process in `directory`; `undefined` when it has ended, is a thread, or is still busy with its exec. */
export function readProcess(directory: string): RunningProcess | undefined {
  const identity = identityOf(`${directory}/exe`)
  const executable = readExecutable(directory)
  const life = readLife(directory)
  const dataDirectory = readDataDirectory(directory)
  if (!identity || !executable || !life || !dataDirectory || isThread(directory, life.pid)) return undefined
  return { pid: life.pid, parent: life.parent, startTicks: life.startTicks, executable, identity, dataDirectory }
}

/** The first fields of /proc/PID/stat; `undefined` when the process has ended, reaped or not. */
export function readLife(directory: string) {
  const stat = unlessGone(() => readFileSync(`${directory}/stat`, 'utf8'))
  if (stat === undefined) return undefined
  // The name in parentheses may itself hold spaces and parentheses; after the last one come the fields from the third on.
  const nameStart = stat.indexOf('(')
  const nameEnd = stat.lastIndexOf(')')
  const fields = stat.slice(nameEnd + 2).split(' ')
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined
  return {
    pid: Number.parseInt(stat, 10),
    /** The kernel's name of it: the executable's, cut to 15 characters. */
    name: stat.slice(nameStart + 1, nameEnd),
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
  }
}

/** Where bitcoind keeps its data: its last `-datadir`, else `.bitcoin` in its home directory. */
function readDataDirectory(directory: string): string | undefined {
  const words = unlessGone(() => readFileSync(`${directory}/cmdline`, 'utf8'))?.split('\0') ?? []
  if (words.length < 2) return undefined // empty until exec has put the arguments in place
  const option = words.findLastIndex((word) => /^--?datadir(=|$)/.test(word))
  const value = words[option]?.split(/=(.*)/s)[1] ?? words[option + 1]
  if (option > 0 && value) return resolve(ifReadable(() => readlinkSync(`${directory}/cwd`)) ?? '/', value)
  return defaultDataDirectory(directory)
}

/** As bitcoind does it: without HOME, the root directory is the home. */
function defaultDataDirectory(directory: string): string {
  const variables = ifReadable(() => readFileSync(`${directory}/environ`, 'utf8'))?.split('\0')
  if (!variables) return '.bitcoin'
  const home = variables.find((variable) => variable.startsWith('HOME='))?.slice('HOME='.length)
  return resolve('/', home ?? '', '.bitcoin')
}

/** A thread has a directory in /proc too; it is only left out of the listing. */
function isThread(directory: string, pid: number): boolean {
  const status = unlessGone(() => readFileSync(`${directory}/status`, 'utf8'))
  return Number(status?.match(/^Tgid:\s*(\d+)/m)?.[1]) !== pid
}

/** What `read` returns; `undefined` when the file or the process is no more. */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** What `read` returns; `undefined` where it fails, whatever the reason. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
