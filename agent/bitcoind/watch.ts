import type { Logger } from 'pino'
import { type Finding, SelectionFaults, warnOfPid } from './faults.ts'
import { Lookalikes } from './lookalikes.ts'
import { Names, type RememberedName, TOGETHER_MS } from './names/names.ts'
import { MOST_NODES, Roster, type Target } from './names/roster.ts'
import { ageMs, identityOf, readLife } from './proc/proc.ts'
import { type Found, Search } from './search.ts'
import type { Selection } from './select.ts'

export type { Finding, Target }

/** All processes are looked after this often ... */
const INTERVAL_MS = 1_000
/** ... and those that have just come this often while a node is missing: bitcoind is found before it says anything. */
const MISSING_INTERVAL_MS = 100
/** A restart usually follows an end. */
const RETURN_MS = 25
/** After a look that an end set off, other work gets this many times as long: many short-lived processes would take all of it. */
const REST = 2
const FORGET_AFTER_MS = 24 * 3600 * 1000
const MOST_TOLD = 16
const NOTHING_RUNS = 'no bitcoind is running'

/** Callbacks may throw; it is logged and the watching goes on. */
export interface ProcessEvents {
  /** A node is known before it is seen. */
  nodeExpected(node: string): void
  processStarted(target: Target): void
  processExited(target: Target): void
  /** A node that nobody named ended long ago, and is known no more. */
  nodeForgotten(node: string): void
}

/** Calls `onExit` when the process ends; throws where that cannot be had. The scan notices an end as well, only later. */
export type WatchExit = (pid: number, onExit: () => void) => { close(): void }

export interface WatchOptions {
  readonly log: Logger
  readonly watchExit?: WatchExit | undefined
  /** Why no process of an executable could be measured; `undefined` if one could, or if there is none. */
  readonly faultOfExecutable?: ((path: string) => string | undefined) | undefined
  /** Whether an executable has any of the tracepoints. */
  readonly offersTracepoints?: ((path: string) => boolean) | undefined
  /** Names of nodes from before. */
  readonly remembered?: readonly RememberedName[] | undefined
  /** Called with all names of nodes when there is a new one. */
  readonly keep?: ((names: readonly RememberedName[]) => void) | undefined
  readonly forgetAfterMs?: number | undefined
  readonly procRoot?: string | undefined
}

export interface ProcessWatcher {
  targets(): readonly Target[]
  /** Faults that keep processes from being measured, as of the last scan. */
  findings(): readonly Finding[]
  /** Looks now instead of at the next interval. */
  scan(): void
  close(): void
}

/** Watches the processes of the selection. Those that run already have been told of when this resolves. */
export async function watchProcesses(selection: Selection, options: WatchOptions, events: ProcessEvents): Promise<ProcessWatcher> {
  const watcher = new Watcher(selection, options, events)
  watcher.start()
  return watcher
}

interface Refusal extends Finding {
  readonly process: Target
  /** Not once there is room for another node. */
  readonly isForLife: boolean
}

class Watcher implements ProcessWatcher {
  readonly #selection: Selection
  readonly #log: Logger
  readonly #watchExit: WatchExit | undefined
  readonly #root: string
  readonly #events: ProcessEvents
  readonly #search: Search
  readonly #faults: SelectionFaults
  readonly #lookalikes: Lookalikes
  readonly #names: Names
  readonly #roster: Roster
  readonly #exits = new Map<number, { close(): void } | undefined>()
  /** A process that was refused a name stays refused: the name is not its own when the one in its way has gone. */
  readonly #refused = new Map<number, Refusal>()
  #findings: readonly Finding[] = []
  #timer: NodeJS.Timeout | undefined
  #fullAt = Number.NEGATIVE_INFINITY
  #restUntil = Number.NEGATIVE_INFINITY
  #isFullDue = false
  #isFirst = true
  #isScanning = false
  /** A node has come or gone since the findings were collected. */
  #isChanged = false
  #isFailing = false
  #isClosed = false

  constructor(selection: Selection, options: WatchOptions, events: ProcessEvents) {
    const { log, watchExit, procRoot = '/proc', remembered, keep, forgetAfterMs = FORGET_AFTER_MS } = options
    const { faultOfExecutable = () => undefined, offersTracepoints = () => false } = options
    const given = selection.nodes.map(({ name }) => name)
    this.#selection = selection
    this.#log = log
    this.#watchExit = watchExit
    this.#root = procRoot
    this.#events = events
    this.#search = new Search(selection, procRoot, offersTracepoints)
    this.#faults = new SelectionFaults(selection, procRoot, faultOfExecutable)
    this.#lookalikes = new Lookalikes(procRoot, offersTracepoints)
    this.#names = new Names({ nodeName: selection.nodeName, given, remembered, keep })
    this.#roster = new Roster({ given, nodeName: selection.nodeName, forgetAfterMs })
  }

  start(): void {
    const { nodes, nodeName } = this.#selection
    warnOfPid(this.#selection, this.#root, this.#log)
    for (const { name } of nodes) this.#tell(() => this.#events.nodeExpected(name))
    this.#look(true)
    this.#isFirst = false
    if (nodes.length === 0 && this.targets().length === 0) {
      this.#roster.expect(nodeName)
      this.#tell(() => this.#events.nodeExpected(nodeName))
    }
    this.#schedule()
  }

  targets(): readonly Target[] {
    return this.#roster.targets
  }

  findings(): readonly Finding[] {
    return this.#findings
  }

  scan(): void {
    this.#tryLook(true)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    for (const exit of this.#exits.values()) exit?.close()
    this.#exits.clear()
  }

  #schedule(soon?: number): void {
    if (this.#isClosed) return
    clearTimeout(this.#timer)
    const delay = soon ?? (this.#roster.isNodeMissing ? MISSING_INTERVAL_MS : INTERVAL_MS)
    this.#timer = setTimeout(() => {
      this.#tryLook(this.#isFullDue || performance.now() - this.#fullAt >= INTERVAL_MS - MISSING_INTERVAL_MS / 2)
      this.#schedule()
    }, delay).unref()
  }

  #tryLook(isFull: boolean): void {
    try {
      this.#look(isFull)
      if (this.#isFailing) this.#log.info('processes can be looked for again')
      this.#isFailing = false
    } catch (err) {
      if (!this.#isFailing) this.#log.error({ err }, 'cannot look for processes; trying on')
      this.#isFailing = true
    }
  }

  /** A full look is at everything; others only find what has just come. */
  #look(isFull: boolean): void {
    if (this.#isClosed || this.#isScanning) return
    this.#isScanning = true
    const start = performance.now()
    try {
      if (isFull) {
        this.#fullAt = start
        this.#isFullDue = false
        for (const target of this.targets()) if (!this.#isAlive(target)) this.#end(target)
        this.#forget(this.#roster.forgetLongDown())
        for (const [pid, { process, isForLife }] of this.#refused)
          if (!this.#isAlive(process) || (!isForLife && this.#roster.hasRoom)) this.#readmit(pid)
      }
      const known = [...this.targets(), ...this.#refused.values().map(({ process }) => process)]
      this.#admit(this.#search.find({ known, isNodeMissing: this.#roster.isNodeMissing, isFull }))
      if (isFull || this.#isChanged) this.#note()
      this.#isChanged = false
    } finally {
      this.#isScanning = false
      const end = performance.now()
      this.#restUntil = end + REST * (end - start)
    }
  }

  /** Looks at everything as soon as the last look has rested. */
  #lookSoon(): void {
    const rest = this.#restUntil - performance.now()
    this.#isFullDue = rest > 0
    if (rest <= 0) this.#tryLook(true)
    this.#schedule(rest > 0 ? rest : RETURN_MS)
  }

  /** The same program (a process may exec another) in the same process (a pid may be used again, but not unseen while its exit is watched). */
  #isAlive({ pid, identity, startTicks }: Target): boolean {
    const directory = `${this.#root}/${pid}`
    try {
      if (identityOf(`${directory}/exe`) !== identity) return false
    } catch {
      // It may have ended in this moment, or have become unreadable: its start will tell.
      return readLife(directory)?.startTicks === startTicks
    }
    return this.#exits.get(pid) !== undefined || readLife(directory)?.startTicks === startTicks
  }

  #end(target: Target): void {
    this.#roster.end(target)
    this.#isChanged = true
    const exit = this.#exits.get(target.pid)
    this.#exits.delete(target.pid)
    this.#tell(() => exit?.close())
    this.#tell(() => this.#events.processExited(target))
    this.#search.revisit(target.pid)
    this.#schedule(RETURN_MS)
  }

  #forget(nodes: readonly string[]): void {
    for (const node of nodes) this.#tell(() => this.#events.nodeForgotten(node))
  }

  #readmit(pid: number): void {
    this.#refused.delete(pid)
    this.#search.revisit(pid)
  }

  #admit(found: readonly Found[]): void {
    const named = found.filter(({ name }) => name !== undefined).sort((a, b) => Number(b.isExact) - Number(a.isExact))
    for (const { name, isExact, ...process } of named) this.#begin({ ...process, node: name as string })
    const unnamed = found.filter(({ name }) => name === undefined)
    if (unnamed.length === 0 || this.#waitForOthers(unnamed)) return
    this.#names.learn(unnamed)
    for (const { name, isExact, ...process } of unnamed) this.#begin({ ...process, node: this.#names.of(process) })
  }

  /** The plain name is for the one that started first: those that start together are waited for. */
  #waitForOthers(unnamed: readonly Found[]): boolean {
    if (this.#isFirst || !this.#names.isPlainNameFree || this.#selection.pid !== undefined) return false
    const age = Math.max(...unnamed.map(ageMs))
    if (age < 0 || age >= TOGETHER_MS) return false
    for (const { pid } of unnamed) this.#search.revisit(pid)
    return true
  }

  #begin(target: Target): void {
    const { pid, node } = target
    const holder = this.targets().find((other) => other.node === node)
    if (holder && !this.#isAlive(holder)) this.#end(holder) // in a quick restart one ends and the next comes during one look
    const conflict = this.#roster.refusalOf(target)
    const forgotten = conflict === undefined ? this.#roster.makeRoomFor(node) : []
    if (conflict !== undefined || forgotten === undefined) {
      const text = conflict ?? `pid ${pid} is not measured: ${MOST_NODES} nodes are, which is the most`
      this.#refused.set(pid, { process: target, pid, text, isForLife: conflict !== undefined })
      return
    }
    this.#forget(forgotten)
    this.#roster.begin(target)
    this.#isChanged = true
    this.#exits.set(target.pid, this.#watch(target.pid))
    this.#tell(() => this.#events.processStarted(target))
  }

  #watch(pid: number): { close(): void } | undefined {
    try {
      return this.#watchExit?.(pid, () => this.#lookSoon())
    } catch (err) {
      this.#log.debug({ err, pid }, 'cannot watch for the end of this process; the scan will notice it')
      return undefined
    }
  }

  /** Takes down what keeps processes from being measured, and logs what of it is new. */
  #note(): void {
    const told = new Set(this.#findings.map(({ text }) => text))
    this.#findings = this.#collect().slice(0, MOST_TOLD)
    for (const { text, ...about } of this.#findings) if (!told.has(text)) this.#log.warn(about, text)
  }

  #collect(): readonly Finding[] {
    const targets = this.targets()
    const given = new Set(this.#selection.nodes.map(({ name }) => name))
    const isMeasured = (name?: string) => targets.some(({ node }) => (name === undefined ? !given.has(node) : node === name))
    const faults = this.#faults.find(isMeasured)
    const isAllMeasured = this.#selectsOnlyNamed && !this.#roster.isNodeMissing
    const findings = [
      ...this.#refused.values().map(({ pid, text }) => ({ pid, text })),
      ...(isAllMeasured ? [] : this.#search.unreadable),
      ...(targets.length === 0 ? this.#search.ofOtherUsers : []),
    ]
    const { pid, bitcoind, nodes, users } = this.#selection
    if (targets.length > 0 || findings.length > 0 || pid !== undefined) return [...findings, ...faults]
    // A path that can be measured names the node: it does not run, and what else runs is another.
    if (faults.length === 0 && (bitcoind !== undefined || nodes.length > 0)) return []
    const [first = { text: NOTHING_RUNS, node: undefined }, ...others] = faults
    const flag = first.node === undefined ? '--bitcoind ' : `--node ${first.node}=`
    const lookalikes = this.#lookalikes.find(users, this.#search.selecting())
    const hints = lookalikes.map(({ pid, path }) => ({ pid, text: `pid ${pid} runs ${path}: if that is the node, give ${flag}${path}` }))
    return hints.length === 0 ? faults : [...hints.map(({ pid, text }) => ({ ...first, pid, text: `${first.text}; ${text}` })), ...others]
  }

  get #selectsOnlyNamed(): boolean {
    const { nodes, bitcoind, pid } = this.#selection
    return nodes.length > 0 && bitcoind === undefined && pid === undefined
  }

  #tell(event: () => void): void {
    if (this.#isClosed) return
    try {
      event()
    } catch (err) {
      this.#log.error({ err }, 'a listener to process events failed')
    }
  }
}
