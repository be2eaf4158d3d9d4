import { readdirSync, readFileSync, statfsSync } from 'node:fs'
import { unlessGone } from './read.ts'

const PROC_SUPER_MAGIC = 0x9fa0
/** Looking up a pid costs about 4 µs, listing /proc 0.75 µs for each process of the host. */
const MOST_LOOKED_UP = 100

/** Says which pids are new, without listing /proc each time: with 2,000 processes a listing takes 1.5 ms. */
export class Pids {
  readonly #root: string
  readonly #countsHere: boolean
  #last: number | undefined
  #listed = new Set<number>()

  constructor(root: string) {
    this.#root = root
    this.#countsHere = showsLastPid(root)
  }

  /** Every process there is. */
  all(): number[] {
    this.#last = this.#readLast()
    const pids = readdirSync(this.#root).map(Number).filter(Number.isInteger)
    this.#listed = new Set(pids)
    return pids
  }

  /** Pids given out since the last call of either method. Some may be of threads, or of processes that have ended or are not visible yet. */
  fresh(): number[] {
    const before = this.#last
    const last = this.#readLast()
    this.#last = last
    if (before !== undefined && last !== undefined) {
      const count = last - before
      if (count >= 0 && count <= MOST_LOOKED_UP) return Array.from({ length: count }, (_, index) => before + 1 + index)
    }
    const listed = this.#listed
    return this.all().filter((pid) => !listed.has(pid))
  }

  /** The pid given out last: the fifth field of /proc/loadavg. */
  #readLast(): number | undefined {
    if (!this.#countsHere) return undefined
    return Number(readFileSync(`${this.#root}/loadavg`, 'utf8').split(' ')[4])
  }
}

/** loadavg speaks of the reader's own pid namespace, and lxcfs covers it with a file of its own. */
function showsLastPid(root: string): boolean {
  const type = unlessGone(() => statfsSync(`${root}/loadavg`).type)
  const pids = unlessGone(() => readFileSync(`${root}/self/status`, 'utf8'))?.match(/^NSpid:(.*)$/m)?.[1]
  return type === PROC_SUPER_MAGIC && pids?.trim() === String(process.pid)
}
