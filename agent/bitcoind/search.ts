import { existsSync } from 'node:fs'
import type { Finding } from './faults.ts'
import { Offers } from './offers.ts'
import { Pids } from './proc/pids.ts'
import { identityOf, keyOf, type RunningProcess, readExecutable, readLife, readProcess, readStatus } from './proc/proc.ts'
import { ifReadable } from './proc/read.ts'
import { type Match, matcher, type Program, type Selection, wantedNames } from './select.ts'

/** A process that has just been forked may still exec bitcoind: for this long it is looked at in each scan ... */
const FORKED_MS = 1_000
/** ... and this long in each full one. */
const YOUNG_MS = 10_000
/** Older ones exec rarely. All processes are looked at this often, which costs about 10 µs for each ... */
const SWEEP_MS = 60_000
/** ... this often in the first seconds and when a node has just gone: every other full scan ... */
const EAGER_SWEEP_MS = 1_500
const EAGER_MS = 60_000
/** ... and this often while it stays away. */
const MISSING_SWEEP_MS = 10_000
/** Any user may start processes that have to be told of; of so many it is. */
const MOST_NOTED = 32

/** A process of the selection. */
export type Found = RunningProcess & Match

export interface Scan {
  /** Processes that are known already. */
  readonly known: readonly RunningProcess[]
  /** While a node is missing, the search is more thorough. */
  readonly isNodeMissing: boolean
  /** Otherwise only processes that have just come are looked at. */
  readonly isFull: boolean
}

/** A finding about a process, which holds as long as the process lives. */
interface Noted extends Finding {
  readonly pid: number
  readonly startTicks: number
}

/** Finds the processes of a selection and looks at as few others as it can. */
export class Search {
  readonly #selection: Selection
  readonly #root: string
  readonly #offers: Offers
  /** `undefined` when only one pid is wanted. */
  readonly #pids: Pids | undefined
  readonly #ownIdentity: string | undefined
  readonly #wantedNames: ReadonlySet<string>
  readonly #young = new Map<number, number>()
  /** Start of each process that cannot be looked at: its name is read once. */
  readonly #unreadable = new Map<number, number>()
  readonly #unmeasurable = new Map<number, Noted>()
  readonly #ofOthers = new Map<number, Noted>()
  #firstAt: number | undefined
  #missingSince: number | undefined
  #sweptAt = Number.NEGATIVE_INFINITY
  #ofPid: RunningProcess | undefined

  constructor(selection: Selection, root: string, offersTracepoints: (path: string) => boolean) {
    this.#selection = selection
    this.#root = root
    this.#offers = new Offers(root, offersTracepoints)
    this.#pids = selection.pid !== undefined && selection.nodes.length === 0 ? undefined : new Pids(root)
    this.#ownIdentity = identityOf(`${root}/self/exe`)
    this.#wantedNames = wantedNames(selection)
  }

  /** Processes that would be looked at, were it allowed. */
  get unreadable(): readonly Finding[] {
    return this.#alive(this.#unmeasurable)
  }

  /** Processes that would be measured, were they of the users that are wanted. */
  get ofOtherUsers(): readonly Finding[] {
    return this.#alive(this.#ofOthers)
  }

  /** Returns what tells whether a process is of the selection; good for one look at the processes. */
  selecting(): (program: Program) => boolean {
    const { isCandidate, match } = this.#matcher()
    return (program) => {
      const process = isCandidate(program) ? readProcess(this.#root, program.pid) : undefined
      return process !== undefined && match(process) !== undefined
    }
  }

  /** Every process of the selection that is not known already. */
  find({ known, isNodeMissing, isFull }: Scan): Found[] {
    const now = performance.now()
    const pids = this.#pidsToLookAt(now, isNodeMissing, isFull)
    if (pids.length === 0) return []
    const matching = this.#matcher()
    const strangers = new Set([this.#ownIdentity])
    const skipped = new Set([process.pid, ...known.map(({ pid }) => pid)])
    const found: Found[] = []
    for (const pid of pids) {
      if (skipped.has(pid)) continue
      try {
        const process = this.#look(pid, matching, strangers, now)
        const match = process && matching.match(process)
        if (!match || !this.#isStillThePid(process)) continue
        found.push({ ...process, ...match })
        this.#unmeasurable.delete(pid)
      } catch (error) {
        this.#noteUnreadable(pid, error)
      }
    }
    return this.#withoutForks(found, known).sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)
  }

  /** Has a process looked at in the next scan. */
  revisit(pid: number): void {
    this.#young.set(pid, performance.now())
  }

  #matcher() {
    return matcher(this.#selection, this.#root, (program) => this.#offers.of(program))
  }

  #pidsToLookAt(now: number, isNodeMissing: boolean, isFull: boolean): number[] {
    if (!this.#pids) return isNodeMissing ? [this.#selection.pid as number] : []
    for (const [pid, since] of this.#young) if (now - since > YOUNG_MS) this.#young.delete(pid)
    if (this.#firstAt !== undefined) for (const pid of this.#pids.fresh()) this.#young.set(pid, now)
    this.#firstAt ??= now
    if (!isFull) return [...this.#young].filter(([, since]) => now - since <= FORKED_MS).map(([pid]) => pid)
    if (now - this.#sweptAt < this.#sweepMs(now, now - this.#firstAt, isNodeMissing)) return [...this.#young.keys()]
    this.#sweptAt = now
    const pids = this.#pids.all()
    const existing = new Set(pids)
    for (const pid of this.#unreadable.keys()) if (!existing.has(pid)) this.#unreadable.delete(pid)
    return pids
  }

  #sweepMs(now: number, age: number, isNodeMissing: boolean): number {
    this.#missingSince = isNodeMissing ? (this.#missingSince ?? now) : undefined
    if (age < YOUNG_MS || (this.#missingSince !== undefined && now - this.#missingSince < EAGER_MS)) return EAGER_SWEEP_MS
    return isNodeMissing ? MISSING_SWEEP_MS : SWEEP_MS
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
    if (executable !== undefined && isCandidate({ pid, executable, identity }))
      return this.#isOfUser(pid, executable) ? readProcess(this.#root, pid) : undefined
    strangers.add(identity)
    return undefined
  }

  #isOfUser(pid: number, executable: string): boolean {
    const { users } = this.#selection
    if (users === undefined) return true
    const directory = `${this.#root}/${pid}`
    const [uid, life] = [readStatus(directory)?.uid, readLife(directory)]
    if (uid === undefined || !life || users.has(uid)) return true
    const text = `pid ${pid} runs ${shortened(executable)} as user ${uid}, whom --users leaves out`
    note(this.#ofOthers, { pid, startTicks: life.startTicks, text })
    return false
  }

  /** `bitcoind -daemonwait` is two processes until the child is ready and the parent ends; a child that runs a command is one until its exec. */
  #withoutForks(found: readonly Found[], known: readonly RunningProcess[]): Found[] {
    return found.filter((process) => {
      const isTwin = (other: RunningProcess) => other.identity === process.identity && keyOf(other) === keyOf(process)
      const isFork =
        [...found, ...known].some((other) => isTwin(other) && other.parent === process.pid) ||
        known.some((other) => isTwin(other) && other.pid === process.parent)
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

  #noteUnreadable(pid: number, error: unknown): void {
    const directory = `${this.#root}/${pid}`
    // A process that ends while it is looked at gives EACCES as well; then there is nothing to tell.
    const life = ifReadable(() => readLife(directory))
    if (!life || this.#unreadable.get(pid) === life.startTicks) return
    const { group, uid } = ifReadable(() => readStatus(directory)) ?? {}
    if (group !== undefined && group !== pid) return // a thread, whose id was given out like a pid
    const isOfUser = uid === undefined || (this.#selection.users?.has(uid) ?? true)
    const isWanted = isOfUser && (pid === this.#selection.pid || this.#wantedNames.has(life.name))
    this.#unreadable.set(pid, isWanted ? life.startTicks : 0)
    const { startTicks } = life
    if (isWanted) note(this.#unmeasurable, { pid, startTicks, text: reasonOf(pid, error as NodeJS.ErrnoException) })
  }

  #alive(noted: Map<number, Noted>): readonly Finding[] {
    for (const [pid, { startTicks }] of noted)
      if (ifReadable(() => readLife(`${this.#root}/${pid}`))?.startTicks !== startTicks) noted.delete(pid)
    return [...noted.values()]
  }
}

function note(noted: Map<number, Noted>, about: Noted): void {
  if (noted.size < MOST_NOTED || noted.has(about.pid)) noted.set(about.pid, about)
}

/** Executables are named by whoever starts them. */
export const shortened = (path: string) => (path.length <= 200 ? path : `${path.slice(0, 199)}…`)

const reasonOf = (pid: number, { code, message }: NodeJS.ErrnoException) =>
  code === 'EACCES' || code === 'EPERM'
    ? `cannot read /proc/${pid}/exe (${code}): run the agent as the user of bitcoind or as root, or leave this one out with --users`
    : `cannot read what /proc says of pid ${pid}: ${message}`
