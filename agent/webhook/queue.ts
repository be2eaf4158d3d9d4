import type { Logger } from 'pino'
import { ChangeDetector } from '../files/change-detector.ts'
import { onThread } from '../files/threads.ts'
import { isDeliveryId, readPayload, toAsciiJson } from './payload.ts'
import { QueueFile, readQueueFile } from './queue-file.ts'

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
/** No slow block takes so much. */
const LONGEST_LINE = 2 ** 20
/** Time for writing the last changes to the file. */
const CLOSE_MS = 250

/** Alerts that wait to be delivered, in their order, also in a file if one is given. Memory and file are bounded. */
export class Queue {
  readonly #log: Logger
  readonly #done = new Set<string>()
  #pending = new Map<string, string>()
  /** The file that is locked, and the same once it has been read. */
  #locked: QueueFile | undefined
  #file: QueueFile | undefined
  #pendingBytes = 0
  #givenUp = 0
  readonly #isGivingUp = new ChangeDetector(false)

  constructor(log: Logger) {
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

  /** Alerts that were given up because too many waited. */
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
    if (this.#pending.size === 0) this.#isGivingUp.changesTo(false)
    this.#note([doneLine(id)])
  }

  /** Locks a file to keep in it what waits. Throws if another agent writes it. */
  async lock(path: string): Promise<void> {
    const file = new QueueFile({
      path,
      lines: () => this.#lines(),
      changed: (reason) =>
        reason === undefined
          ? this.#log.info('keeping slow blocks for the webhook in their file again')
          : this.#log.warn({ path, reason }, 'cannot write the queue of the webhook; keeping slow blocks in memory only'),
      unlocked: (reason) =>
        reason === undefined
          ? this.#log.info({ path }, 'the queue of the webhook is locked against a second agent')
          : this.#log.warn({ path, reason }, 'cannot lock the queue of the webhook: a second agent would post slow blocks again'),
      gone: () => this.#log.info({ path }, 'the queue of the webhook was renamed or deleted; writing it anew'),
    })
    await file.lock()
    this.#locked = file
  }

  /** Takes over what an earlier life of the agent left in the locked file, and keeps what waits in it from then on. */
  async restore(): Promise<void> {
    const file = this.#locked
    if (file === undefined) return
    try {
      this.#takeOver(await onThread(() => readQueueFile(file.path)))
    } catch (err) {
      this.#log.warn({ err, path: file.path }, 'cannot use the file for the queue of the webhook; keeping slow blocks in memory only')
      await file.unlock()
      return
    }
    this.#file = file
    file.rewrite()
    await file.kept()
  }

  /** Resolves when all is in the file, or when that is not to be expected soon. */
  async kept(): Promise<void> {
    await this.#file?.kept()
  }

  async close(): Promise<void> {
    await this.#file?.close(CLOSE_MS)
  }

  #takeOver(lines: readonly string[]): void {
    const since = this.#pending
    this.#pending = new Map()
    this.#pendingBytes = 0
    for (const line of lines) {
      const entry = parse(line)
      if (typeof entry === 'string') this.#setDone(entry)
      else if (entry && !this.#done.has(entry.id)) this.#setPending(entry)
    }
    for (const [id, body] of since) if (!this.#done.has(id)) this.#setPending({ id, body })
    this.#makeRoom()
  }

  #setPending({ id, body }: Alert): void {
    this.#pendingBytes += body.length - (this.#pending.get(id)?.length ?? 0)
    this.#pending.set(id, body)
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
    if (givenUp.length > 0 && this.#isGivingUp.changesTo(true))
      this.#log.error(
        { pending: this.#pending.size, givenUp: this.#givenUp },
        'too many slow blocks wait for the webhook; giving up the oldest',
      )
    return givenUp
  }

  /** Adds to the file what has just changed. */
  #note(lines: readonly string[]): void {
    const isBloated = (this.#file?.bytes ?? 0) > 2 * this.#pendingBytes + SLACK_BYTES
    if (isBloated) this.#file?.rewrite()
    else this.#file?.append(lines)
  }

  #lines(): readonly string[] {
    return [...[...this.#done].map(doneLine), ...this.#pending.values()]
  }
}

const doneLine = (id: string) => JSON.stringify({ done: id })

/** The id of what was delivered, or what is to be; `undefined` if it is neither: torn when the agent was killed, or written by somebody else. */
function parse(line: string): string | Alert | undefined {
  if (line.length > LONGEST_LINE) return undefined
  try {
    const value = JSON.parse(line)
    if (isDeliveryId(value?.done)) return value.done
    const payload = readPayload(value)
    return payload && { id: payload.delivery_id, body: toAsciiJson(payload) }
  } catch {
    return undefined
  }
}
