import { existsSync } from 'node:fs'
import { Pids } from './pids.ts'
import { identityOf, ifReadable, type RunningProcess, readExecutable, readLife, readProcess } from './proc.ts'
import { matcher, type Selection, wantedNames } from './select.ts'

/** A process that has just been forked may still exec bitcoind: for this long it is looked at in each scan. */
const YOUNG_MS = 10_000
/** Older ones exec rarely. All processes are looked at this often, which costs about 10 µs for each ... */
const SWEEP_MS = 60_000
/** ... and this often in the first seconds and while a node is missing: every other scan. */
const EAGER_SWEEP_MS = 1_500

/** A process of the selection. */
export interface Found extends RunningProcess {
  /** The name that the operator gave it, if any. */
  readonly name: string | undefined
}

/** Finds the processes of a selection and looks at as few others as it can. */
export class Search {
  readonly #selection: Selection
  readonly #root: string
  readonly #onUnreadable: (pid: number, reason: string) => void
  /** `undefined` when only one pid is wanted. */
  readonly #pids: Pids | undefined
  readonly #ownIdentity: string | undefined
  readonly #wantedNames: ReadonlySet<string>
  readonly #young = new Map<number, number>()
  /** Start of each process whose executable could not be read: it is told of, and its name read, once. */
  readonly #unreadable = new Map<number, number>()
  #firstAt: number | undefined
  #sweptAt = Number.NEGATIVE_INFINITY
  #ofPid: RunningProcess | undefined

  constructor(selection: Selection, root: string, onUnreadable: (pid: number, reason: string) => void) {
    this.#selection = selection
    this.#root = root
    this.#onUnreadable = onUnreadable
    this.#pids = selection.pid !== undefined && selection.nodes.length === 0 ? undefined : new Pids(root)
    this.#ownIdentity = identityOf(`${root}/self/exe`)
    this.#wantedNames = wantedNames(selection)
  }

  /** Every process of the selection that is not a target already. While a node is missing, the search is more thorough. */
  find(targets: readonly RunningProcess[], isNodeMissing: boolean): Found[] {
    const now = performance.now()
    const pids = this.#pidsToLookAt(now, isNodeMissing)
    if (pids.length === 0) return []
    const matching = matcher(this.#selection)
    const strangers = new Set([this.#ownIdentity])
    const skipped = new Set([process.pid, ...targets.map(({ pid }) => pid)])
    const found: Found[] = []
    for (const pid of pids) {
      if (skipped.has(pid)) continue
      try {
        const process = this.#look(pid, matching, strangers, now)
        const match = process && matching.match(process)
        if (match && this.#isStillThePid(process)) found.push({ ...process, ...match })
      } catch (error) {
        this.#tellUnreadable(pid, error)
      }
    }
    return this.#withoutForks(found, targets).sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)
  }

  /** Has a process looked at in the next scan. */
  revisit(pid: number): void {
    this.#young.set(pid, performance.now())
  }

  #pidsToLookAt(now: number, isNodeMissing: boolean): number[] {
    if (!this.#pids) return isNodeMissing ? [this.#selection.pid as number] : []
    for (const [pid, since] of this.#young) if (now - since > YOUNG_MS) this.#young.delete(pid)
    if (this.#firstAt !== undefined) for (const pid of this.#pids.fresh()) this.#young.set(pid, now)
    this.#firstAt ??= now
    const sweepMs = isNodeMissing || now - this.#firstAt < YOUNG_MS ? EAGER_SWEEP_MS : SWEEP_MS
    if (now - this.#sweptAt < sweepMs) return [...this.#young.keys()]
    this.#sweptAt = now
    const pids = this.#pids.all()
    const existing = new Set(pids)
    for (const pid of this.#unreadable.keys()) if (!existing.has(pid)) this.#unreadable.delete(pid)
    return pids
  }

  /** The process if its executable can be one of the selection's. `strangers` are executables that cannot. */
  #look(
    pid: number,
    { isCandidate }: ReturnType<typeof matcher>,
    strangers: Set<string | undefined>,
    now: number,
  ): RunningProcess | undefined {
    const directory = `${this.#root}/${pid}`
    // Without privileges most processes are unreadable, and an exception for each costs more than all the rest.
    if (this.#unreadable.has(pid) && !this.#young.has(pid) && !existsSync(`${directory}/exe`)) return undefined
    const identity = identityOf(`${directory}/exe`)
    if (identity === undefined) {
      // Ended, or forked so recently that it is not visible yet: one more look, in the next scan.
      if ((this.#young.get(pid) ?? now) < now) this.#young.delete(pid)
      return undefined
    }
    if (strangers.has(identity)) return undefined
    const executable = readExecutable(directory)
    if (executable !== undefined && isCandidate({ pid, executable, identity })) return readProcess(directory)
    strangers.add(identity)
    return undefined
  }

  /** `bitcoind -daemonwait` is two processes until the child is ready and the parent ends; a child that runs a command is one until its exec. */
  #withoutForks(found: readonly Found[], targets: readonly RunningProcess[]): Found[] {
    return found.filter((process) => {
      const isTwin = (other: RunningProcess) => other.identity === process.identity && other.dataDirectory === process.dataDirectory
      const isFork =
        [...found, ...targets].some((other) => isTwin(other) && other.parent === process.pid) ||
        targets.some((target) => isTwin(target) && target.pid === process.parent)
      if (isFork) this.revisit(process.pid)
      return !isFork
    })
  }

  /** A pid given by the operator is used again by a restarted bitcoind in a container; elsewhere it may come to any other program. */
  #isStillThePid(process: RunningProcess): boolean {
    if (process.pid !== this.#selection.pid) return true
    this.#ofPid ??= process
    if (process.startTicks !== this.#ofPid.startTicks && process.executable !== this.#ofPid.executable) return false
    this.#ofPid = process
    return true
  }

  #tellUnreadable(pid: number, error: unknown): void {
    // A process that ends while it is looked at gives EACCES as well; then there is nothing to tell.
    const life = ifReadable(() => readLife(`${this.#root}/${pid}`))
    if (!life || this.#unreadable.get(pid) === life.startTicks) return
    const isWanted = pid === this.#selection.pid || this.#wantedNames.has(life.name)
    this.#unreadable.set(pid, isWanted ? life.startTicks : 0)
    if (isWanted) this.#onUnreadable(pid, reasonOf(pid, error as NodeJS.ErrnoException))
  }
}

const reasonOf = (pid: number, { code, message }: NodeJS.ErrnoException) =>
  code === 'EACCES' || code === 'EPERM'
    ? `cannot read /proc/${pid}/exe (${code}): run the agent as the user of bitcoind or as root`
    : `cannot read what /proc says of pid ${pid}: ${message}`
