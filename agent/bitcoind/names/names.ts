import { isOfTestChain } from '../proc/data.ts'
import { keyOf, MS_PER_TICK, type RunningProcess } from '../proc/proc.ts'

/** A name that was given, as it is remembered: without the node name that begins it, which the operator may change. */
export interface RememberedName {
  readonly directory: string
  readonly place?: string | undefined
  /** '' is the plain name. */
  readonly suffix: string
}

type Nameable = Pick<RunningProcess, 'chainDirectory' | 'dataDirectory' | 'place' | 'startTicks'>

export interface NamesOptions {
  /** The plain name, which the first node has. */
  readonly nodeName: string
  /** Names that the operator gave. */
  readonly given: readonly string[]
  readonly remembered?: readonly RememberedName[] | undefined
  /** Called with all names when there is a new one. */
  readonly keep?: ((names: readonly RememberedName[]) => void) | undefined
}

/** Processes that started within this time started together: which of them was first is chance. */
export const TOGETHER_MS = 250

/** More are not remembered; the oldest are forgotten, but not the plain one. */
const MOST_NAMES = 512
const MOST_CHARACTERS = 64
const MOST_PARTS = 3

/** Names of the nodes that the operator did not name. Once given to a node, a name is never given to another. */
export class Names {
  readonly #nodeName: string
  readonly #given: ReadonlySet<string>
  readonly #keep: NamesOptions['keep']
  readonly #byKey: Map<string, RememberedName>

  constructor({ nodeName, given, remembered = [], keep }: NamesOptions) {
    this.#nodeName = nodeName
    this.#given = new Set(given)
    this.#keep = keep
    this.#byKey = new Map(remembered.map((name) => [keyOf({ chainDirectory: name.directory, place: name.place }), name]))
  }

  /** Whether the first node is still to come. */
  get isPlainNameFree(): boolean {
    return !this.#isTaken('')
  }

  /** Names processes that were found together. The plain name goes to the one that started first. */
  learn(processes: readonly Nameable[]): void {
    const unnamed = processes.filter((process) => !this.#byKey.has(keyOf(process)))
    for (const process of inOrder(unnamed)) {
      if (this.#byKey.has(keyOf(process))) continue
      const { chainDirectory: directory, place } = process
      this.#byKey.set(keyOf(process), { directory, ...(place !== undefined && { place }), suffix: this.#suffixFor(directory) })
    }
    if (unnamed.length === 0) return
    this.#forgetOldest()
    this.#keep?.([...this.#byKey.values()])
  }

  /** The name of a process that was learnt. */
  of(process: Nameable): string {
    return this.#nameOf(this.#byKey.get(keyOf(process))?.suffix ?? '')
  }

  /** The last part of the data directory, with the chain unless that is the main one; more where that is taken. */
  #suffixFor(directory: string): string {
    if (!this.#isTaken('')) return ''
    const parts = directory.split('/').filter(Boolean).map(safe)
    const fewest = isOfTestChain(directory) ? 2 : 1
    const candidates = Array.from({ length: MOST_PARTS }, (_, more) => parts.slice(-(fewest + more)).join('/')).filter(Boolean)
    const free = candidates.find((suffix) => !this.#isTaken(suffix))
    if (free !== undefined) return free
    for (let number = 2; ; number++) {
      const suffix = `${candidates[0] ?? 'root'}~${number}`
      if (!this.#isTaken(suffix)) return suffix
    }
  }

  #isTaken(suffix: string): boolean {
    return this.#given.has(this.#nameOf(suffix)) || this.#byKey.values().some((name) => name.suffix === suffix)
  }

  #nameOf(suffix: string): string {
    return suffix === '' ? this.#nodeName : `${this.#nodeName}/${suffix}`
  }

  #forgetOldest(): void {
    for (const [key, { suffix }] of this.#byKey) {
      if (this.#byKey.size <= MOST_NAMES) return
      if (suffix !== '') this.#byKey.delete(key)
    }
  }
}

/** By their start; among those that started together, the main chain and then the directory decide. */
function inOrder<Process extends Nameable>(processes: readonly Process[]): Process[] {
  const first = Math.min(...processes.map(({ startTicks }) => startTicks))
  const rank = ({ startTicks, chainDirectory, dataDirectory, place }: Nameable) => [
    (startTicks - first) * MS_PER_TICK <= TOGETHER_MS ? 0 : startTicks,
    chainDirectory === dataDirectory ? 0 : 1,
    chainDirectory,
    place ?? '',
  ]
  return processes.toSorted((a, b) => compare(rank(a), rank(b)))
}

function compare(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const i = a.findIndex((value, index) => value !== b[index])
  if (i === -1) return 0
  return (a[i] as number | string) < (b[i] as number | string) ? -1 : 1
}

/** Whoever starts a process names its directories: what does not belong in a name is replaced, and what is long is cut. */
function safe(part: string): string {
  return [...part.replaceAll(/[^\p{L}\p{N}._+@=-]/gu, '_')].slice(0, MOST_CHARACTERS).join('')
}
