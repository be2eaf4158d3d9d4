import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { identityOf, readExecutable, readStatus } from './proc/proc.ts'
import { ifReadable } from './proc/read.ts'
import { shortened } from './search.ts'
import type { Program } from './select.ts'

/** Whether a program's name is that of a node, wrapped or not. */
export const isCalledLikeNode = (name: string) => /^\.*bitcoin(d|-node|-qt|-gui)/.test(name)

/** A look at all processes costs some milliseconds. */
const INTERVAL_MS = 5_000
/** Executables whose tracepoints are read in one look, each of which takes up to some milliseconds. */
const MOST_READ = 8
const MOST_VERDICTS = 4_096
const MOST_TOLD = 4

/** A process that may be a node. */
interface Lookalike {
  readonly pid: number
  readonly path: string
}

/** Looks for nodes under other names than bitcoind's, as long as there is nothing to measure. */
export class Lookalikes {
  readonly #root: string
  readonly #offersTracepoints: (path: string) => boolean
  /** By device and inode of the executable. */
  readonly #verdicts = new Map<string, boolean>()
  #found: readonly Lookalike[] = []
  #lookedAt: number | undefined

  constructor(root: string, offersTracepoints: (path: string) => boolean) {
    this.#root = root
    this.#offersTracepoints = offersTracepoints
  }

  /** At the first look they are told by their names alone, since the agent starts then. Selected programs are found without this. */
  find(users: ReadonlySet<number> | undefined, isSelected: (program: Program) => boolean): readonly Lookalike[] {
    const now = performance.now()
    if (this.#lookedAt !== undefined && now - this.#lookedAt < INTERVAL_MS && this.#found.length === 0) return this.#found
    const pids = readdirSync(this.#root).map(Number).filter(Number.isInteger)
    const left = { reads: this.#lookedAt === undefined ? 0 : MOST_READ }
    this.#lookedAt = now
    if (this.#verdicts.size > MOST_VERDICTS) this.#verdicts.clear()
    this.#found = pids.flatMap((pid) => ifReadable(() => this.#look(pid, users, isSelected, left)) ?? []).slice(0, MOST_TOLD)
    return this.#found
  }

  #look(
    pid: number,
    users: ReadonlySet<number> | undefined,
    isSelected: (program: Program) => boolean,
    left: { reads: number },
  ): Lookalike | undefined {
    const directory = `${this.#root}/${pid}`
    if (pid === process.pid) return undefined
    const identity = identityOf(`${directory}/exe`)
    const executable = identity && readExecutable(directory)
    if (!executable || !this.#isLike(directory, identity, executable, left)) return undefined
    if (isSelected({ pid, executable, identity })) return undefined
    const uid = readStatus(directory)?.uid
    if (uid === undefined || users?.has(uid) === false) return undefined
    return { pid, path: shortened(executable) }
  }

  #isLike(directory: string, identity: string, executable: string, left: { reads: number }): boolean {
    if (isCalledLikeNode(basename(executable))) return true
    const known = this.#verdicts.get(identity)
    if (known !== undefined || left.reads === 0) return known ?? false
    left.reads--
    const verdict = ifReadable(() => this.#offersTracepoints(`${directory}/exe`)) ?? false
    this.#verdicts.set(identity, verdict)
    return verdict
  }
}
