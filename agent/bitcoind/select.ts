import { realpathSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { identityOf, type RunningProcess, sharesNamespace } from './proc/proc.ts'
import { ifReadable } from './proc/read.ts'
import { uidOf } from './proc/users.ts'

/** Which processes the operator wants watched. With neither `bitcoind`, `pid` nor `nodes`: every one whose executable is called like a node's. */
export interface Selection {
  /** Path of the executable. */
  readonly bitcoind?: string | undefined
  /** This process alone, whatever it runs; `bitcoind` then selects nothing. */
  readonly pid?: number | undefined
  /** Named nodes, each by its executable or its data directory. */
  readonly nodes: readonly { readonly name: string; readonly path: string }[]
  /** Name of the one node that has no name of its own. */
  readonly nodeName: string
  /** Only processes of these users. */
  readonly users?: ReadonlySet<number> | undefined
}

/** Returns the selection that settings make: pid 0 is none, and users are given by name or number. A name that this machine does not know selects nobody. */
export function selectionOf({ pid, users, ...rest }: SelectionSettings): Selection {
  const uids = users && new Set(users.map(uidOf).filter((uid) => uid !== undefined))
  return { bitcoind: rest.bitcoind, pid: pid || undefined, nodes: rest.nodes, nodeName: rest.nodeName, users: uids }
}

interface SelectionSettings extends Pick<Selection, 'bitcoind' | 'nodes' | 'nodeName'> {
  readonly pid: number
  readonly users?: readonly string[] | undefined
}

export type Program = Pick<RunningProcess, 'pid' | 'executable' | 'identity'>

/** Names of bitcoind: its own, that of the program behind `bitcoin node`, those of Nix's wrappers, and those behind scripts in images. */
const bitcoindNames: ReadonlySet<string> = new Set(namesOf('bitcoind', 'bitcoin-node'))
/** Those of the programs with a window: bitcoin-qt is a node, bitcoin-gui may leave that to bitcoin-node. Their tracepoints tell. */
const windowNames: ReadonlySet<string> = new Set(namesOf('bitcoin-qt', 'bitcoin-gui'))

/** The reason for which a process belongs to the selection. */
export interface Match {
  /** The name that the operator gave it, if any. */
  readonly name: string | undefined
  /** Whether the operator named exactly its data, not a directory in which several chains may lie, or an executable. */
  readonly isExact: boolean
}

/** The selection against the files as they are now; good for one look at the processes. */
export function matcher({ bitcoind, pid, nodes }: Selection, root: string, offersTracepoints: (program: Program) => boolean) {
  const byExecutable = bitcoind === undefined || pid !== undefined ? undefined : locate(bitcoind)
  const named = nodes.map(({ name, path }) => ({ name, ...locate(path) }))
  const any = pid === undefined && bitcoind === undefined && nodes.length === 0

  const isCalledNode = (program: Program) =>
    bitcoindNames.has(basename(program.executable)) || (windowNames.has(basename(program.executable)) && offersTracepoints(program))
  const isUnnamed = (program: Program) =>
    program.pid === pid || (byExecutable ? runs(program, byExecutable, root) : any && isCalledNode(program))
  const mayHaveDirectory = (program: Program) => nodes.length > 0 && (isCalledNode(program) || isUnnamed(program))

  return {
    /** Whether a process with this executable can be one of the selection. */
    isCandidate: (program: Program) => isUnnamed(program) || mayHaveDirectory(program) || named.some((node) => runs(program, node, root)),

    /** `undefined` when the process is not of the selection. */
    match(process: RunningProcess): Match | undefined {
      const keeps = (directory: 'chainDirectory' | 'dataDirectory') =>
        mayHaveDirectory(process) ? named.find((node) => keepsDataIn(process, directory, node, root)) : undefined
      const exact = keeps('chainDirectory')
      const node = exact ?? keeps('dataDirectory') ?? named.find((node) => runs(process, node, root))
      return node || isUnnamed(process) ? { name: node?.name, isExact: exact !== undefined } : undefined
    },
  }
}

/** Names, as the kernel cuts them, under which a wanted process may show although its executable cannot be read. */
export function wantedNames({ bitcoind, pid, nodes }: Selection): ReadonlySet<string> {
  const paths = [...(bitcoind === undefined && pid === undefined ? bitcoindNames : []), ...(bitcoind ? [bitcoind] : [])]
  return new Set([...paths, ...nodes.map(({ path }) => path)].map((path) => basename(path).slice(0, 15)))
}

function namesOf(...programs: readonly string[]): readonly string[] {
  return programs.flatMap((name) => [name, `.${name}-wrapped`, `${name}.real`])
}

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

/** By inode, and by text where that can be believed: an upgraded binary keeps its path, and one in a container has its path there. */
function runs(program: Program, place: Place, root: string): boolean {
  if (program.identity === place.identity) return true
  return (program.executable === place.given || program.executable === place.real) && mayUsePath(program, place, root)
}

function keepsDataIn(process: RunningProcess, which: 'chainDirectory' | 'dataDirectory', place: Place, root: string): boolean {
  const directory = process[which]
  if (directory !== place.given && directory !== place.real) {
    if (process.place === undefined || place.identity === undefined) return false
    return ifReadable(() => identityOf(`${root}/${process.pid}/root${directory}`)) === place.identity
  }
  return process.place === undefined || mayUsePath(process, place, root)
}

/**
 * Whether a path that a process has means the path that the operator gave. Every user may make a user and mount namespace, and
 * put there whatever is wanted in that place; in this one's user namespace it takes an administrator.
 */
function mayUsePath({ pid }: Program, place: Place, root: string): boolean {
  return place.identity === undefined || sharesNamespace('mnt', root, pid) || sharesNamespace('user', root, pid)
}
