import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { type SlowBlockPayload, toAsciiJson } from './payload.ts'
import { post } from './post.ts'
import { type Alert, openQueue, type Queue } from './queue.ts'

export { slowBlockPayload } from './payload.ts'

export interface WebhookOptions {
  /** May hold a secret: only its origin is logged. */
  readonly url: string
  /** Where slow blocks that are not delivered yet outlive the agent; undefined: nowhere. */
  readonly queueFile: string | undefined
  readonly version: string
  readonly log: Logger
  /** Wait after a failed attempt: doubled with each from the first to the most, and shortened by up to a half by chance. */
  readonly backoff?: { readonly firstMs: number; readonly mostMs: number }
  /** What an attempt may take, from looking up the host to the end of the answer, redirects included. */
  readonly deadlineMs?: number
}

export interface WebhookState {
  readonly delivered: number
  /** Attempts. */
  readonly failed: number
  readonly pending: number
  /** Never delivered, because too many waited. */
  readonly givenUp: number
  /** Whether the last attempt failed. */
  readonly isFailing: boolean
}

interface Failure {
  readonly reason: string
  readonly retryAfterMs: number
}

const BACKOFF = { firstMs: 1_000, mostMs: 60_000 }
const DEADLINE_MS = 10_000
/** How long an attempt under way may take when the agent ends. */
const CLOSE_GRACE_MS = 250

/** Posts slow blocks to a URL: each at least once, in their order, one at a time, for as long as that takes. */
export class Webhook {
  readonly #options: WebhookOptions
  readonly #url: URL
  readonly #log: Logger
  readonly #queue: Queue
  readonly #closing = new AbortController()
  /** Ends the attempt under way. */
  #attempt: AbortController | undefined
  #delivering: Promise<void> | undefined
  #isFailing: boolean | undefined
  #delivered = 0
  #failed = 0

  constructor(options: WebhookOptions, queue: Queue) {
    this.#options = options
    this.#url = new URL(options.url)
    this.#log = options.log.child({ webhook: this.#url.origin })
    this.#queue = queue
  }

  /** Queues a slow block, unless it was queued before. When this returns it is in the file; it is delivered later. */
  offer(payload: SlowBlockPayload): void {
    if (this.#queue.add({ id: payload.delivery_id, body: toAsciiJson(payload) })) this.deliver()
  }

  /** Sees to it that what waits is being delivered. */
  deliver(): void {
    this.#delivering ??= this.#deliverAll()
  }

  get state(): WebhookState {
    const { pending, givenUp } = this.#queue
    return { delivered: this.#delivered, failed: this.#failed, pending, givenUp, isFailing: this.#isFailing ?? false }
  }

  /** Ends soon. What is not delivered by then stays in the file. */
  async close(): Promise<void> {
    this.#closing.abort()
    const grace = setTimeout(() => this.#attempt?.abort(), CLOSE_GRACE_MS)
    await this.#delivering
    clearTimeout(grace)
    this.#queue.close()
  }

  async #deliverAll(): Promise<void> {
    await undefined // `#delivering` is set before anything is done
    let failures = 0
    for (let alert = this.#queue.head; alert && !this.#closing.signal.aborted; alert = this.#queue.head) {
      const failure = await this.#try(alert)
      if (failure) await this.#wait(failures++, failure)
      else failures = 0
    }
    this.#delivering = undefined
  }

  async #try(alert: Alert): Promise<Failure | undefined> {
    const failure = await this.#post(alert)
    if (failure === undefined) this.#succeeded(alert)
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
      const { status, retryAfterMs } = await post({ url: this.#url, headers, body, signal })
      return status >= 200 && status < 300 ? undefined : { reason: `answered ${status}`, retryAfterMs }
    } catch (error) {
      return { reason: signal.aborted ? `no answer within ${deadlineMs / 1e3} s` : reasonOf(error), retryAfterMs: 0 }
    } finally {
      clearTimeout(deadline)
    }
  }

  #succeeded({ id }: Alert): void {
    this.#delivered++
    this.#queue.done(id)
    if (this.#isFailing !== false) this.#log.info({ pending: this.#queue.pending }, 'delivering slow blocks')
    this.#isFailing = false
  }

  #hasFailed({ reason }: Failure): void {
    this.#failed++
    const { pending } = this.#queue
    if (this.#isFailing) this.#log.debug({ reason, pending }, 'still cannot deliver slow blocks')
    else this.#log.warn({ reason, pending }, 'cannot deliver slow blocks; trying again for as long as it takes')
    this.#isFailing = true
  }

  async #wait(failures: number, { retryAfterMs }: Failure): Promise<void> {
    const { firstMs, mostMs } = this.#options.backoff ?? BACKOFF
    const backoffMs = Math.min(mostMs, firstMs * 2 ** failures) * (0.5 + Math.random() / 2)
    await delay(Math.max(backoffMs, retryAfterMs), undefined, { signal: this.#closing.signal }).catch(() => {}) // closing ends the wait
  }
}

/** Starts with what an earlier life of the agent left undelivered. */
export function openWebhook(options: WebhookOptions): Webhook {
  const webhook = new Webhook(options, openQueue(options.queueFile, options.log))
  webhook.deliver()
  return webhook
}

/** Where a host has several addresses, its error is one of errors and says nothing itself. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return reasonOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}
