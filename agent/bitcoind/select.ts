import { accessSync, constants, realpathSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { Logger } from 'pino'
import { identityOf, ifReadable, type RunningProcess, readExecutable, readLife } from './proc.ts'

/** Which processes the operator wants watched. With neither `bitcoind`, `pid` nor `nodes`: every process whose executable is called bitcoind. */
export interface Selection {
  /** Path of the executable. */
  readonly bitcoind?: string | undefined
  /** This process alone, whatever it runs; `bitcoind` then selects nothing. */
  readonly pid?: number | undefined
  /** Named nodes, each by its executable or its data directory. */
  readonly nodes: readonly { readonly name: string; readonly path: string }[]
  /** Name of the one node that has no name of its own. */
  readonly nodeName: string
}

type Program = Pick<RunningProcess, 'pid' | 'executable' | 'identity'>

/** The selection against the files as they are now; good for one look at the processes. */
export function matcher({ bitcoind, pid, nodes }: Selection) {
  const byExecutable = bitcoind === undefined || pid !== undefined ? undefined : locate(bitcoind)
  const named = nodes.map(({ name, path }) => ({ name, ...locate(path) }))
  const any = pid === undefined && bitcoind === undefined && nodes.length === 0

  const isUnnamed = (program: Program) =>
    program.pid === pid || (byExecutable ? runs(program, byExecutable) : any && isCalledBitcoind(program))
  const mayHaveDirectory = (program: Program) => nodes.length > 0 && (isCalledBitcoind(program) || isUnnamed(program))

  return {
    /** Whether a process with this executable can be one of the selection. */
    isCandidate: (program: Program) => isUnnamed(program) || mayHaveDirectory(program) || named.some((node) => runs(program, node)),

    /** The process's given name, `undefined` inside when it has none; `undefined` when it is not of the selection. */
    match(process: RunningProcess): { readonly name: string | undefined } | undefined {
      const node = named.find((node) => mayHaveDirectory(process) && livesIn(process, node)) ?? named.find((node) => runs(process, node))
      return node || isUnnamed(process) ? { name: node?.name } : undefined
    },
  }
}

/** Names, as the kernel cuts them, under which a wanted process may show although its executable cannot be read. */
export function wantedNames({ bitcoind, nodes }: Selection): ReadonlySet<string> {
  const paths = [bitcoind ?? 'bitcoind', ...nodes.map((node) => node.path)]
  return new Set(paths.map((path) => basename(path).slice(0, 15)))
}

/** Says what of the selection cannot be used yet, and why. Not fatal: it may be installed or started later. */
export function warnOfSelection(selection: Selection, root: string, log: Logger): void {
  const { bitcoind, pid, nodes } = selection
  if (bitcoind !== undefined) {
    const fault = isDirectory(bitcoind) ? 'it is a directory: name the executable in it' : faultOf(bitcoind)
    if (fault) log.warn({ path: bitcoind }, `cannot use this bitcoind: ${fault}`)
  }
  for (const { name, path } of nodes) {
    const fault = isDirectory(path) ? undefined : faultOf(path)
    if (fault) log.warn({ node: name, path }, `cannot use the path of this node: ${fault}`)
  }
  if (pid !== undefined) warnOfPid(pid, `${root}/${pid}`, bitcoind, log)
}

function warnOfPid(pid: number, directory: string, bitcoind: string | undefined, log: Logger): void {
  if (readLife(directory) === undefined) log.warn({ pid }, 'there is no process with this pid; waiting for it')
  const executable = ifReadable(() => readExecutable(directory))
  const identity = ifReadable(() => identityOf(`${directory}/exe`))
  if (bitcoind === undefined || executable === undefined || identity === undefined) return
  if (!runs({ pid, executable, identity }, locate(bitcoind)))
    log.warn({ pid, executable, path: bitcoind }, 'this process runs another executable than the given bitcoind; the pid decides')
}

function faultOf(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'it does not exist; waiting until it does'
    return code === 'EACCES' ? 'it is not executable for the user of this agent' : message
  }
}

const isDirectory = (path: string) => ifReadable(() => statSync(path).isDirectory()) ?? false

interface Place {
  readonly given: string
  readonly real: string | undefined
  readonly identity: string | undefined
}

const locate = (path: string): Place => ({
  given: resolve(path),
  real: ifReadable(() => realpathSync.native(path)),
  identity: ifReadable(() => identityOf(path)),
})

const isCalledBitcoind = ({ executable }: Program) => basename(executable) === 'bitcoind'

/** By text as well as by inode: an upgraded binary keeps its path, one in another mount namespace its inode or, in a container, its path. */
const runs = ({ executable, identity }: Program, place: Place) =>
  executable === place.given || executable === place.real || identity === place.identity

const livesIn = ({ dataDirectory }: RunningProcess, place: Place) =>
  dataDirectory === place.given || (place.real !== undefined && ifReadable(() => realpathSync.native(dataDirectory)) === place.real)
