import { keyOf, type RunningProcess } from '../proc/proc.ts'

/** A bitcoind that is watched. Its name never changes while it lives. */
export interface Target extends RunningProcess {
  readonly node: string
}

export interface RosterOptions {
  /** Names that the operator gave to data directories and executables. */
  readonly given: readonly string[]
  /** The name of the first of the others. */
  readonly nodeName: string
  /** An unnamed node that ended is forgotten after this time. */
  readonly forgetAfterMs: number
}

/** Nodes that are known at once: each has some hundred series. */
export const MOST_NODES = 128

interface Entry {
  /** Whose data this is; `undefined` until it was seen. */
  key?: string
  target?: Target | undefined
  /** Since when it is down (`performance.now()`). */
  downSince: number
}

/** The nodes that are known, up or down. A name belongs to one data directory and chain as long as the agent lives. */
export class Roster {
  readonly #options: RosterOptions
  readonly #given: ReadonlySet<string>
  readonly #entries = new Map<string, Entry>()

  constructor(options: RosterOptions) {
    this.#options = options
    this.#given = new Set(options.given)
    for (const name of options.given) this.expect(name)
  }

  /** Makes a node known that has not been seen yet. */
  expect(name: string): void {
    if (!this.#entries.has(name)) this.#entries.set(name, { downSince: performance.now() })
  }

  get targets(): readonly Target[] {
    return [...this.#entries.values()].flatMap(({ target }) => target ?? [])
  }

  isUp(name: string): boolean {
    return this.#entries.get(name)?.target !== undefined
  }

  /** Whether a node that is known is down, or none is known. */
  get isNodeMissing(): boolean {
    return this.#entries.size === 0 || this.#entries.values().some(({ target }) => target === undefined)
  }

  /** Why a process cannot be that node; `undefined` when it can. */
  refusalOf(target: Target): string | undefined {
    const { key, target: holder } = this.#entries.get(target.node) ?? {}
    const about = `${describe(target)} is not measured`
    if (key === undefined || key === keyOf(target))
      return holder && `${about}: node ${target.node} is another process, which has the same data directory and chain`
    const [directory = ''] = key.split('\0')
    return (
      `${about}: node ${target.node} has its data in ${short(directory)}; ` +
      'give each a name with --node NAME=DATA-DIRECTORY, or restart the agent if that directory has moved'
    )
  }

  begin(target: Target): void {
    this.expect(target.node)
    const entry = this.#entries.get(target.node) as Entry
    entry.key = keyOf(target)
    entry.target = target
  }

  end({ node }: Target): void {
    const entry = this.#entries.get(node)
    if (entry) Object.assign(entry, { target: undefined, downSince: performance.now() })
  }

  /** Takes unnamed nodes off that ended long ago. The last node that is known stays: that it is down is what there is to tell. */
  forgetLongDown(): readonly string[] {
    const now = performance.now()
    return this.#forget(this.#ended().filter(([, { downSince }]) => now - downSince >= this.#options.forgetAfterMs))
  }

  /** Whether another node can be taken in, in the place of one that ended if need be. */
  get hasRoom(): boolean {
    return this.#entries.size < MOST_NODES || this.#replaceable.length > 0
  }

  /** Takes off whichever ended first, if there is no room for that node otherwise; `undefined` when all of them run. */
  makeRoomFor(name: string): readonly string[] | undefined {
    if (this.#entries.has(name) || this.#entries.size < MOST_NODES) return []
    const first = this.#replaceable.toSorted(([, a], [, b]) => a.downSince - b.downSince).slice(0, 1)
    return first.length === 0 ? undefined : this.#forget(first)
  }

  get #replaceable(): [string, Entry][] {
    return this.#ended().filter(([name]) => name !== this.#options.nodeName)
  }

  #ended(): [string, Entry][] {
    return [...this.#entries].filter(([name, { target }]) => target === undefined && !this.#given.has(name))
  }

  #forget(ended: readonly [string, Entry][]): readonly string[] {
    const isAnyUp = this.targets.length > 0
    const forgotten = ended.map(([name]) => name).filter((name) => isAnyUp || name !== this.#options.nodeName)
    for (const name of forgotten) this.#entries.delete(name)
    return forgotten
  }
}

const describe = (process: RunningProcess) => `pid ${process.pid} (data in ${short(process.chainDirectory)}, user ${process.uid})`

/** Data directories are named by whoever starts a process. */
const short = (path: string) => (path.length <= 200 ? path : `${path.slice(0, 199)}…`)
