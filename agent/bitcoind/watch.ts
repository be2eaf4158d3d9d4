import type { Logger } from 'pino'
import { Names } from './names.ts'
import { identityOf, type RunningProcess, readLife } from './proc.ts'
import { type Found, Search } from './search.ts'
import { type Selection, warnOfSelection } from './select.ts'

/** After a target has ended its successor is looked for at these times, because a restart usually follows. */
const RETURN_MS = [50, 150, 400]

/** A bitcoind that is watched. Its name never changes while it lives. */
export interface Target extends RunningProcess {
  readonly node: string
}

/** Callbacks may throw; it is logged and the watching goes on. */
export interface ProcessEvents {
  appeared(target: Target): void
  gone(target: Target): void
  /** Told once; the process becomes a target as soon as the one in its way has gone. */
  refused(process: Target, reason: string): void
  /** Told once for each process that would be looked at, were it allowed. */
  unreadable(pid: number, reason: string): void
}

/** Calls `onExit` when the process ends; throws where that cannot be had. The scan notices an end as well, only later. */
export type WatchExit = (pid: number, onExit: () => void) => { close(): void }

export interface WatchOptions {
  readonly log: Logger
  readonly watchExit?: WatchExit | undefined
  readonly intervalMs?: number | undefined
  readonly procRoot?: string | undefined
}

export interface ProcessWatcher {
  targets(): readonly Target[]
  /** Looks now instead of at the next interval. */
  scan(): void
  close(): void
}

/** Watches the processes of the selection. Those that run already have been told of when this resolves. */
export async function watchProcesses(selection: Selection, options: WatchOptions, events: ProcessEvents): Promise<ProcessWatcher> {
  warnOfSelection(selection, options.procRoot ?? '/proc', options.log)
  const watcher = new Watcher(selection, options, events)
  watcher.start()
  return watcher
}

interface Live {
  readonly target: Target
  readonly exit: { close(): void } | undefined
}

class Watcher implements ProcessWatcher {
  readonly #log: Logger
  readonly #watchExit: WatchExit | undefined
  readonly #intervalMs: number
  readonly #root: string
  readonly #events: ProcessEvents
  readonly #search: Search
  readonly #names: Names
  readonly #expected: number
  readonly #live = new Map<number, Live>()
  /** Start of each process whose refusal was told. */
  readonly #refused = new Map<number, number>()
  readonly #timers = new Set<NodeJS.Timeout>()
  #isScanning = false
  #isFailing = false
  #isClosed = false

  constructor(selection: Selection, { log, watchExit, intervalMs = 1000, procRoot = '/proc' }: WatchOptions, events: ProcessEvents) {
    this.#log = log
    this.#watchExit = watchExit
    this.#intervalMs = intervalMs
    this.#root = procRoot
    this.#events = events
    this.#search = new Search(selection, procRoot, (pid, reason) => this.#tell(() => events.unreadable(pid, reason)))
    this.#names = new Names(selection.nodeName)
    const isOnlyNamed = selection.nodes.length > 0 && selection.bitcoind === undefined && selection.pid === undefined
    this.#expected = selection.nodes.length + (isOnlyNamed ? 0 : 1)
  }

  start(): void {
    this.#look()
    if (!this.#isClosed) this.#timers.add(setInterval(() => this.scan(), this.#intervalMs).unref())
  }

  targets(): readonly Target[] {
    return Array.from(this.#live.values(), ({ target }) => target)
  }

  scan(): void {
    try {
      this.#look()
      if (this.#isFailing) this.#log.info('processes can be looked for again')
      this.#isFailing = false
    } catch (err) {
      if (!this.#isFailing) this.#log.error({ err }, 'cannot look for processes; trying on')
      this.#isFailing = true
    }
  }

  close(): void {
    this.#isClosed = true
    for (const timer of this.#timers) clearTimeout(timer)
    for (const { exit } of this.#live.values()) exit?.close()
    this.#live.clear()
  }

  #look(): void {
    if (this.#isClosed || this.#isScanning) return
    this.#isScanning = true
    try {
      for (const live of this.#live.values()) if (!this.#isAlive(live)) this.#end(live)
      this.#admit(this.#search.find(this.targets(), this.#live.size < this.#expected))
    } finally {
      this.#isScanning = false
    }
  }

  /** The same program (a process may exec another) in the same process (a pid may be used again, but not unseen while its exit is watched). */
  #isAlive({ target, exit }: Live): boolean {
    const directory = `${this.#root}/${target.pid}`
    try {
      if (identityOf(`${directory}/exe`) !== target.identity) return false
    } catch {
      // It may have ended in this moment, or have become unreadable: its start will tell.
      return readLife(directory)?.startTicks === target.startTicks
    }
    return exit !== undefined || readLife(directory)?.startTicks === target.startTicks
  }

  #end({ target, exit }: Live): void {
    this.#live.delete(target.pid)
    this.#tell(() => exit?.close())
    this.#tell(() => this.#events.gone(target))
    this.#search.revisit(target.pid)
    this.#scanSoon()
  }

  #admit(found: readonly Found[]): void {
    const unnamed = found.filter(({ name }) => name === undefined)
    this.#names.learn(
      unnamed.map(({ dataDirectory }) => dataDirectory),
      this.targets(),
    )
    for (const { name, ...process } of found) this.#begin({ ...process, node: name ?? this.#names.of(process.dataDirectory) })
    for (const pid of this.#refused.keys()) if (!found.some((process) => process.pid === pid)) this.#refused.delete(pid)
  }

  #begin(target: Target): void {
    const holder = this.targets().find(({ node }) => node === target.node)
    if (holder) {
      this.#refuse(target, holder)
      return
    }
    this.#refused.delete(target.pid)
    this.#live.set(target.pid, { target, exit: this.#watch(target.pid) })
    this.#tell(() => this.#events.appeared(target))
  }

  #refuse(target: Target, holder: Target): void {
    this.#search.revisit(target.pid)
    if (this.#refused.get(target.pid) === target.startTicks) return
    this.#refused.set(target.pid, target.startTicks)
    const reason =
      `pid ${target.pid} (data directory ${target.dataDirectory}) and pid ${holder.pid} (${holder.dataDirectory}) ` +
      `would both be node ${target.node}: give each a name with --node NAME=DATA-DIRECTORY`
    this.#tell(() => this.#events.refused(target, reason))
  }

  #watch(pid: number): { close(): void } | undefined {
    try {
      return this.#watchExit?.(pid, () => {
        this.scan()
        this.#scanSoon()
      })
    } catch (err) {
      this.#log.debug({ err, pid }, 'cannot watch for the end of this process; the scan will notice it')
      this.#scanSoon()
      return undefined
    }
  }

  #scanSoon(): void {
    if (this.#isClosed) return
    for (const ms of RETURN_MS) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.scan()
      }, ms).unref()
      this.#timers.add(timer)
    }
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
