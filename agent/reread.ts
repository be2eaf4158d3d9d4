import { type BigIntStats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Logger } from 'pino'
import { onThread } from './files/threads.ts'

export interface RereadOptions<T> {
  /** "certificate" */
  readonly what: string
  /** What goes on where the files cannot be used any more: "still serving the old one". */
  readonly otherwise: string
  /** Files that the value comes from. */
  readonly files: (value: T) => readonly string[]
  /** Reads the value. Throws in words where the files cannot be used. */
  readonly read: (before: T | undefined) => T
  /** Told of each value but the first. */
  readonly changed: (value: T) => void
  /** Files are looked at once in this time, and only while somebody asks. */
  readonly intervalMs?: number
  readonly log: Logger
}

const INTERVAL_MS = 1_000

/** A value that is read from files, and read anew when one of them has changed. */
export class Reread<T> {
  readonly #options: RereadOptions<T>
  #value: T
  #problem: string | undefined
  /** What the files were like when they were read. */
  #stamp: string
  #lookedAt = performance.now()
  #isLooking = false

  /** Throws where the value cannot be read. */
  constructor(options: RereadOptions<T>) {
    this.#options = options
    this.#value = options.read(undefined)
    this.#stamp = stampOf(options.files(this.#value).map(stampOfFile))
  }

  get value(): T {
    return this.#value
  }

  /** Why the value is older than its files, if so. */
  get fault(): string | undefined {
    return this.#problem && `The ${this.#options.what} cannot be read anew, ${this.#options.otherwise}: ${this.#problem}`
  }

  /** Looks whether a file has changed, unless that was done just now, and reads it anew then. Waits for no disk. */
  look(): void {
    const { intervalMs = INTERVAL_MS } = this.#options
    if (this.#isLooking || performance.now() - this.#lookedAt < intervalMs) return
    this.#isLooking = true
    void onThread(() => this.#lookAside()).then((stamp) => {
      this.#isLooking = false
      this.#lookedAt = performance.now()
      if (stamp !== this.#stamp) this.#read(false)
    })
  }

  /** Reads the value anew, whether or not a file has changed, and says what came of it. */
  reload(): void {
    this.#read(true)
  }

  /** One file after the other: a disk that stands still keeps one thread. */
  async #lookAside(): Promise<string> {
    const stamps: string[] = []
    for (const file of this.#options.files(this.#value)) stamps.push(await stat(file, { bigint: true }).then(shown, codeOf))
    return stampOf(stamps)
  }

  #read(isAsked: boolean): void {
    const { what, otherwise, files, read, changed, log } = this.#options
    const before = files(this.#value)
    this.#stamp = stampOf(before.map(stampOfFile))
    try {
      this.#value = read(this.#value)
    } catch (error) {
      const { message } = error as Error
      if (isAsked || message !== this.#problem) log.error({ reason: message }, `${what} not reloaded, ${otherwise}`)
      this.#problem = message
      return
    }
    this.#problem = undefined
    const now = files(this.#value)
    if (now.join('\0') !== before.join('\0')) this.#stamp = stampOf(now.map(stampOfFile))
    log.info(`${what} reloaded`)
    changed(this.#value)
  }
}

/** What tells one state of files from another. */
const stampOf = (stamps: readonly string[]) => stamps.join()

function stampOfFile(file: string): string {
  try {
    return shown(statSync(file, { bigint: true }))
  } catch (error) {
    return codeOf(error)
  }
}

const shown = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats) => [dev, ino, size, mtimeNs, ctimeNs].join()

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code ?? ''
