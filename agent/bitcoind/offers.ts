import { statSync } from 'node:fs'
import { ifReadable } from './proc/read.ts'
import type { Program } from './select.ts'

const MOST_VERDICTS = 256

/** Tells whether programs have the tracepoints; reads the file of each once. */
export class Offers {
  readonly #root: string
  readonly #offersTracepoints: (path: string) => boolean
  /** By inode and time of change: an inode may be used again. */
  readonly #verdicts = new Map<string, boolean>()

  constructor(root: string, offersTracepoints: (path: string) => boolean) {
    this.#root = root
    this.#offersTracepoints = offersTracepoints
  }

  of({ pid, identity }: Program): boolean {
    const path = `${this.#root}/${pid}/exe`
    const version = `${identity} ${ifReadable(() => statSync(path).mtimeMs)}`
    const known = this.#verdicts.get(version)
    if (known !== undefined) return known
    const verdict = ifReadable(() => this.#offersTracepoints(path)) ?? false
    if (this.#verdicts.size >= MOST_VERDICTS) this.#verdicts.clear()
    this.#verdicts.set(version, verdict)
    return verdict
  }
}
