import { accessSync, constants, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { Logger } from 'pino'
import { identityOf, readExecutable, readLife } from './proc/proc.ts'
import { ifReadable } from './proc/read.ts'
import type { Selection } from './select.ts'

/** Something that keeps a process from being measured, in words for log, /ready and page alike. */
export interface Finding {
  readonly text: string
  /** The node that is not measured because of it, where that is known. */
  readonly node?: string | undefined
  readonly pid?: number | undefined
  /** The file that it is about. */
  readonly path?: string | undefined
}

/** Looks at the paths of a selection as long as no process of theirs is found. They may be mended, or installed, at any time. */
export class SelectionFaults {
  readonly #selection: Selection
  readonly #root: string
  readonly #faultOfExecutable: (path: string) => string | undefined
  readonly #known = new Map<string, { readonly version: string; readonly fault: string | undefined }>()

  constructor(selection: Selection, root: string, faultOfExecutable: (path: string) => string | undefined) {
    this.#selection = selection
    this.#root = root
    this.#faultOfExecutable = faultOfExecutable
  }

  /** `isMeasured` of a given name, or of the nodes without one. */
  find(isMeasured: (name: string | undefined) => boolean): readonly Finding[] {
    const { bitcoind, pid, nodes } = this.#selection
    const findings: Finding[] = []
    if (pid !== undefined && !isMeasured(undefined)) {
      if (readLife(`${this.#root}/${pid}`) === undefined) findings.push({ text: noSuchProcess(pid) })
    } else if (bitcoind !== undefined && !isMeasured(undefined)) {
      const fault = isDirectory(bitcoind) ? `${bitcoind} is a directory: name the executable in it` : this.#faultOf(bitcoind)
      if (fault) findings.push({ text: fault, path: bitcoind })
    }
    for (const { name, path } of nodes) {
      const fault = isMeasured(name) || isDirectory(path) ? undefined : this.#faultOf(path)
      if (fault) findings.push({ text: fault, node: name, path })
    }
    return findings
  }

  #faultOf(path: string): string | undefined {
    try {
      accessSync(path, constants.X_OK)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return `${path} does not exist`
      return code === 'EACCES' ? `${path} is not executable for the user of this agent` : message
    }
    const version = `${ifReadable(() => identityOf(path))} ${ifReadable(() => statSync(path).mtimeMs)}`
    const known = this.#known.get(path)
    const fault = known?.version === version ? known.fault : this.#faultOfExecutable(path)
    this.#known.set(path, { version, fault })
    return fault
  }
}

/** Why no process of Bitcoin Core's `bitcoin` could be measured; `undefined` of any other program. */
export function faultOfStarter(path: string): string | undefined {
  if (basename(path) !== 'bitcoin') return undefined
  return `${path} only starts bitcoind or bitcoin-node, and then is gone: name that one, such as /usr/libexec/bitcoin-node`
}

/** Says that the process which a pid names does not run, and the way out. */
export function noSuchProcess(pid: number): string {
  return `there is no process ${pid}; a bitcoind that is started again has another pid: name it with --bitcoind or --node instead`
}

/** Says that a pid which was given runs something else than the executable which was given. */
export function warnOfPid({ pid, bitcoind }: Selection, root: string, log: Logger): void {
  if (pid === undefined || bitcoind === undefined) return
  const executable = ifReadable(() => readExecutable(`${root}/${pid}`))
  const identity = ifReadable(() => identityOf(`${root}/${pid}/exe`))
  if (executable === undefined || identity === undefined) return
  if (executable !== bitcoind && identity !== ifReadable(() => identityOf(bitcoind)))
    log.warn({ pid, executable, path: bitcoind }, 'this process runs another executable than the given bitcoind; the pid decides')
}

const isDirectory = (path: string) => ifReadable(() => statSync(path).isDirectory()) ?? false
