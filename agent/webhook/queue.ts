import type { Logger } from 'pino'
import { QueueFile } from './queue-file.ts'

/** Something to be delivered: JSON, ASCII, on one line. */
export interface Alert {
  readonly id: string
  readonly body: string
}

const MAX_PENDING = 10_000
const MAX_PENDING_BYTES = 8 * 2 ** 20
/** Ids that are remembered after their alert was delivered, so that none is queued again. */
const MAX_DONE = 4096
/** The file is written anew when it has twice what waits and this much, of which the ids that are remembered take a third. */
const SLACK_BYTES = 512 * 1024
/** A file that could not be written is tried again after this time: it is then written as a whole. */
const RETRY_MS = 1_000

/** What waits to be delivered, in its order, also in a file if one is given. Memory and file are bounded. */
export class Queue {
  readonly #file: QueueFile | undefined
  readonly #log: Logger
  readonly #pending = new Map<string, string>()
  readonly #done = new Set<string>()
  #pendingBytes = 0
  #givenUp = 0
  #isGivingUp = false
  #failedAtMs: number | undefined

  constructor(file: QueueFile | undefined, log: Logger) {
    this.#file = file
    this.#log = log
  }

  /** The one that waits longest. */
  get head(): Alert | undefined {
    const [first] = this.#pending
    return first && { id: first[0], body: first[1] }
  }

  get pending(): number {
    return this.#pending.size
  }

  /** How many were given up because too many waited. */
  get givenUp(): number {
    return this.#givenUp
  }

  /** Queues it, unless one of that id is queued or was delivered. Returns whether it did. */
  add(alert: Alert): boolean {
    if (this.#pending.has(alert.id) || this.#done.has(alert.id)) return false
    this.#setPending(alert)
    const givenUp = this.#makeRoom()
    this.#note([alert.body, ...givenUp.map(doneLine)])
    return true
  }

  /** It was delivered. */
  done(id: string): void {
    this.#setDone(id)
    if (this.#pending.size === 0) this.#isGivingUp = false
    this.#note([doneLine(id)])
  }

  /** Takes over what an earlier life of the agent left in the file. */
  restore(lines: readonly string[]): void {
    for (const line of lines) {
      const { delivery_id: id, done } = parse(line)
      if (typeof id === 'string') this.#setPending({ id, body: line })
      else if (typeof done === 'string') this.#setDone(done)
    }
    this.#save(() => this.#file?.rewrite(this.#lines()))
  }

  close(): void {
    if (this.#failedAtMs !== undefined) this.#save(() => this.#file?.rewrite(this.#lines()))
    this.#file?.close()
  }

  #setPending({ id, body }: Alert): void {
    this.#pending.set(id, body)
    this.#pendingBytes += body.length
  }

  #setDone(id: string): void {
    this.#pendingBytes -= this.#pending.get(id)?.length ?? 0
    this.#pending.delete(id)
    this.#done.add(id)
    const [oldest] = this.#done
    if (this.#done.size > MAX_DONE && oldest !== undefined) this.#done.delete(oldest)
  }

  /** Gives up the oldest where there are too many. */
  #makeRoom(): readonly string[] {
    const givenUp: string[] = []
    for (const id of this.#pending.keys()) {
      const isRoom = this.#pending.size <= MAX_PENDING && (this.#pendingBytes <= MAX_PENDING_BYTES || this.#pending.size === 1)
      if (isRoom) break
      this.#setDone(id)
      givenUp.push(id)
    }
    this.#givenUp += givenUp.length
    if (givenUp.length > 0 && !this.#isGivingUp) {
      this.#isGivingUp = true
      this.#log.error(
        { pending: this.#pending.size, givenUp: this.#givenUp },
        'too many slow blocks wait for the webhook; giving up the oldest',
      )
    }
    return givenUp
  }

  /** Adds to the file what has just changed. */
  #note(lines: readonly string[]): void {
    if (this.#failedAtMs !== undefined && performance.now() - this.#failedAtMs < RETRY_MS) return
    const isBloated = (this.#file?.bytes ?? 0) > 2 * this.#pendingBytes + SLACK_BYTES
    const isWhole = this.#failedAtMs !== undefined || isBloated
    this.#save(() => (isWhole ? this.#file?.rewrite(this.#lines()) : this.#file?.append(lines)))
  }

  #save(write: () => void): void {
    try {
      write()
      if (this.#failedAtMs !== undefined) this.#log.info('keeping slow blocks for the webhook in their file again')
      this.#failedAtMs = undefined
    } catch (err) {
      if (this.#failedAtMs === undefined)
        this.#log.warn({ err }, 'cannot write the queue of the webhook; keeping slow blocks in memory only')
      this.#failedAtMs = performance.now()
    }
  }

  #lines(): readonly string[] {
    return [...[...this.#done].map(doneLine), ...this.#pending.values()]
  }
}

/** Opens the queue that an earlier life of the agent left in a file; without one it is kept in memory. */
export function openQueue(path: string | undefined, log: Logger): Queue {
  if (path === undefined) return new Queue(undefined, log)
  const file = new QueueFile(path)
  try {
    const lines = file.read()
    const queue = new Queue(file, log)
    queue.restore(lines)
    return queue
  } catch (err) {
    log.warn({ err, path }, 'cannot use the file for the queue of the webhook; keeping slow blocks in memory only')
    return new Queue(undefined, log)
  }
}

const doneLine = (id: string) => JSON.stringify({ done: id })

function parse(line: string): { readonly delivery_id?: unknown; readonly done?: unknown } {
  try {
    return Object(JSON.parse(line))
  } catch {
    return {} // torn when the agent was killed, or the disk full
  }
}
