import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ChangeDetector } from '../files/change-detector.ts'
import { FileTask } from '../files/file-task.ts'
import { within } from '../files/within.ts'
import { type Headers, readHeaders } from './headers.ts'
import { type SlowBlockPayload, toAsciiJson } from './payload.ts'
import { post } from './post.ts'
import { type Alert, Queue } from './queue.ts'

export interface WebhookOptions {
  /** May hold a secret: only its origin is logged. */
  readonly url: string
  /** Sent along, to the address's own origin only. They may hold a secret. */
  readonly headers?: Headers | undefined
  /** The file of the headers, which is read anew on SIGHUP. */
  readonly headersFile?: string | undefined
  /** The file in which slow blocks that are not delivered yet outlive the agent; `undefined`: none. */
  readonly queueFile: string | undefined
  readonly version: string
  readonly log: Logger
  /** Wait after a failed attempt: doubled with each from the first to the most, and shortened by up to a half by chance. */
  readonly backoff?: { readonly firstMs: number; readonly mostMs: number }
  /** Time for an attempt, from looking up the host to the end of the answer, redirects included. */
  readonly deadlineMs?: number
}

interface Failure {
  readonly reason: string
  readonly retryAfterMs: number
  /** The answer of a receiver that will take it at no time. */
  readonly refusal?: string | undefined
}

/** The result of the last attempt. A refusal with its reason: another one is news. */
type Condition = 'unknown' | 'delivering' | 'failing' | `refused: ${string}`

/** Answers that call it the sender's fault and may pass: too slow, too early, too often. */
const passing: ReadonlySet<number> = new Set([408, 425, 429])
const BACKOFF = { firstMs: 1_000, mostMs: 60_000 }
const DEADLINE_MS = 10_000
/** Time for reading the queue; then the agent goes on, and what it holds comes later. */
const OPEN_MS = 2_000
/** A file of headers that cannot be read anew is read again after this time. */
const HEADERS_RETRY_MS = 10_000
/** Time for an attempt that is under way when the agent ends. */
const CLOSE_GRACE_MS = 250

/** Posts slow blocks to a URL: each at least once, in their order, one at a time, for as long as that takes. */
export class Webhook {
  readonly #options: WebhookOptions
  readonly #url: URL
  readonly #log: Logger
  readonly #queue: Queue
  readonly #closing = new AbortController()
  readonly #condition = new ChangeDetector<Condition>('unknown')
  /** Ends the attempt under way. */
  #attempt: AbortController | undefined
  #delivering: Promise<void> | undefined
  readonly #reading: FileTask
  #headers: Headers
  #delivered = 0
  #failed = 0
  #refused = 0

  constructor(options: WebhookOptions, queue: Queue) {
    this.#options = options
    this.#url = new URL(options.url)
    this.#log = options.log.child({ webhook: this.#url.origin })
    this.#queue = queue
    this.#headers = options.headers ?? {}
    this.#reading = new FileTask({
      run: () => this.#readHeaders(),
      faultOf: (error) => (error as Error).message,
      changed: (reason) => this.#tellOfHeaders(reason),
      retryMs: HEADERS_RETRY_MS,
    })
  }

  /** Queues a slow block, unless it was queued before. It is in the file once `kept` resolves, and is delivered later. */
  offer(payload: SlowBlockPayload): void {
    if (this.#queue.add({ id: payload.delivery_id, body: toAsciiJson(payload) })) this.deliver()
  }

  /** Starts the delivery loop if it is idle. */
  deliver(): void {
    this.#delivering ??= this.#deliverAll()
  }

  get state() {
    const { pending, givenUp } = this.#queue
    const isFailing = !['unknown', 'delivering'].includes(this.#condition.state)
    return { delivered: this.#delivered, failed: this.#failed, pending, givenUp, refused: this.#refused, isFailing }
  }

  /** Why the headers are older than their file, if so. */
  get headersFault(): string | undefined {
    return this.#reading.fault
  }

  /** Resolves when all that was offered is in the file, or when that is not to be expected soon. */
  kept(): Promise<void> {
    return this.#queue.kept()
  }

  /** Reads the headers anew. Where that fails the old ones stay, and it is tried again. */
  reload(): Promise<void> {
    return this.#reading.start()
  }

  /** Ends soon. What is not delivered by then stays in the file. */
  async close(): Promise<void> {
    this.#closing.abort()
    const grace = setTimeout(() => this.#attempt?.abort(), CLOSE_GRACE_MS)
    await this.#delivering
    clearTimeout(grace)
    await this.#queue.close()
  }

  async #readHeaders(): Promise<boolean> {
    const { headersFile } = this.#options
    if (headersFile !== undefined) this.#headers = await readHeaders(headersFile)
    return false
  }

  #tellOfHeaders(reason: string | undefined): void {
    const file = this.#options.headersFile
    if (reason === undefined) this.#log.info({ file }, 'the headers have been read anew')
    else this.#log.error({ file, reason }, 'cannot read the headers anew; going on with the old ones, and trying again')
  }

  async #deliverAll(): Promise<void> {
    await undefined // `#delivering` is set before anything is done
    let failures = 0
    for (let alert = this.#queue.head; alert && !this.#closing.signal.aborted; alert = this.#queue.head) {
      const failure = await this.#try(alert)
      if (failure && failure.refusal === undefined) await this.#wait(failures++, failure)
      else failures = 0
    }
    this.#delivering = undefined
  }

  async #try(alert: Alert): Promise<Failure | undefined> {
    const failure = await this.#post(alert)
    if (failure === undefined) this.#succeeded(alert)
    else if (failure.refusal !== undefined) this.#wasRefused(alert, failure)
    else if (!this.#closing.signal.aborted) this.#hasFailed(failure)
    return failure
  }

  async #post({ id, body }: Alert): Promise<Failure | undefined> {
    const { version, deadlineMs = DEADLINE_MS } = this.#options
    const headers = { 'Content-Type': 'application/json', 'User-Agent': `fibre-agent/${version}`, 'Idempotency-Key': id }
    const attempt = new AbortController()
    const { signal } = attempt
    const deadline = setTimeout(() => attempt.abort(), deadlineMs)
    this.#attempt = attempt
    try {
      const { status, retryAfterMs, firstLine } = await post({ url: this.#url, headers, ownHeaders: this.#headers, body, signal })
      if (status >= 200 && status < 300) return undefined
      const isFinal = status >= 400 && status < 500 && !passing.has(status)
      return { reason: `answered ${status}`, retryAfterMs, ...(isFinal && { refusal: firstLine }) }
    } catch (error) {
      return { reason: signal.aborted ? `no answer within ${deadlineMs / 1e3} s` : reasonOf(error), retryAfterMs: 0 }
    } finally {
      clearTimeout(deadline)
    }
  }

  #succeeded({ id }: Alert): void {
    this.#delivered++
    this.#queue.done(id)
    if (this.#condition.changesTo('delivering')) this.#log.info({ pending: this.#queue.pending }, 'delivering slow blocks')
  }

  /** It would be refused again, and those behind it would wait for ever. */
  #wasRefused({ id }: Alert, { reason, refusal }: Failure): void {
    this.#failed++
    this.#refused++
    this.#queue.done(id)
    const fields = { reason, answer: refusal, deliveryId: id, refused: this.#refused }
    if (this.#condition.changesTo(`refused: ${reason} ${refusal}`))
      this.#log.error(fields, 'the webhook refuses slow blocks for good: they are lost')
    else this.#log.debug(fields, 'the webhook refused another slow block')
  }

  #hasFailed({ reason }: Failure): void {
    this.#failed++
    const { pending } = this.#queue
    if (this.#condition.changesTo('failing'))
      this.#log.warn({ reason, pending }, 'cannot deliver slow blocks; trying again for as long as it takes')
    else this.#log.debug({ reason, pending }, 'still cannot deliver slow blocks')
  }

  async #wait(failures: number, { retryAfterMs }: Failure): Promise<void> {
    const { firstMs, mostMs } = this.#options.backoff ?? BACKOFF
    const backoffMs = Math.min(mostMs, firstMs * 2 ** failures) * (0.5 + Math.random() / 2)
    await delay(Math.max(backoffMs, retryAfterMs), undefined, { signal: this.#closing.signal }).catch(() => {}) // closing ends the wait
  }
}

/** Starts with what an earlier life of the agent left undelivered. Throws if another agent writes the file for that. */
export async function openWebhook(options: WebhookOptions): Promise<Webhook> {
  const { queueFile, log } = options
  const queue = new Queue(log)
  const webhook = new Webhook(options, queue)
  if (queueFile !== undefined) await queue.lock(queueFile)
  await within(
    queue.restore().then(() => webhook.deliver()),
    OPEN_MS,
  )
  webhook.deliver()
  return webhook
}

/** Returns the message of an error. The error of a host with several addresses is one of errors and says nothing itself. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}
