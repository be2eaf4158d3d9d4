import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip, gzipSync } from 'node:zlib'
import { prefers } from './accept.ts'
import { InFlight } from './in-flight.ts'

export type Headers = Readonly<Record<string, string>>

export interface WholeAnswer {
  readonly status: number
  readonly body: string
  /** Plain text when absent. */
  readonly type?: string
  readonly headers?: Headers
}

/** An answer without an end: `stream` gets the client and writes to it until one of the two closes. */
interface StreamedAnswer {
  readonly type: string
  readonly stream: (client: ServerResponse) => void
}

export type HttpAnswer = WholeAnswer | StreamedAnswer
export type Route = (request: IncomingMessage) => HttpAnswer | Promise<HttpAnswer>

const compress = promisify(gzip)
/** A smaller body fits into one packet and gains nothing. */
const COMPRESS_FROM_BYTES = 1_400
/** Compressing so much takes less time than handing it to another thread. */
const COMPRESS_AT_ONCE_TO_BYTES = 128 * 1024
/** Level 1 already makes a tenth of a page of metrics, at a fraction of the cost. */
const COMPRESSION = { level: 1 }
/** Node.js runs four at a time; more would wait with their text in memory. */
const MOST_COMPRESSIONS = 4
const COMMON_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }

/** Sends the answers of a server. */
export class Sender {
  readonly #inFlight = new InFlight()
  readonly #bodies = new WeakMap<WholeAnswer, Body>()
  #headers: Headers
  #compressions = 0

  /** `headers` are sent with every answer. */
  constructor(headers: Headers = {}) {
    this.#headers = headers
  }

  setHeaders(headers: Headers = {}): void {
    this.#headers = headers
  }

  /** Sends an answer; one to HEAD has no body. */
  async send(answer: HttpAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if ('stream' in answer) this.#sendStream(answer, request, response)
    else await this.#sendWhole(answer, request, response)
  }

  /** Compresses where the client takes it. Node leaves the body out of an answer to HEAD. */
  async #sendWhole(answer: WholeAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { text, zipped } = this.#bodyOf(answer, prefers(request.headers['accept-encoding'], 'gzip', 'identity'))
    this.#inFlight.add(response, text.length)
    const body = (await zipped) ?? text
    if (response.destroyed) return
    response.writeHead(answer.status, {
      'Content-Type': answer.type ?? 'text/plain; charset=utf-8',
      'Content-Length': body.length,
      ...(zipped && { 'Content-Encoding': 'gzip' }),
      Vary: 'Accept, Accept-Encoding',
      ...COMMON_HEADERS,
      ...answer.headers,
      ...this.#headers,
    })
    response.end(body)
  }

  #sendStream({ type, stream }: StreamedAnswer, request: IncomingMessage, response: ServerResponse): void {
    // nginx would keep what it has until there is enough of it.
    response.writeHead(200, { 'Content-Type': type, 'X-Accel-Buffering': 'no', ...COMMON_HEADERS, ...this.#headers })
    if (request.method === 'HEAD') return void response.end()
    response.flushHeaders()
    stream(response)
  }

  /** Encodes and compresses an answer once, however many clients get it. */
  #bodyOf(answer: WholeAnswer, isZippedTaken: boolean): Body {
    const known = this.#bodies.get(answer)
    const text = known?.text ?? Buffer.from(answer.body)
    const isZipped = isZippedTaken && text.length >= COMPRESS_FROM_BYTES
    const zipped = known?.zipped ?? (isZipped ? this.#compress(text) : undefined)
    this.#bodies.set(answer, { text, zipped })
    return { text, zipped: isZipped ? zipped : undefined }
  }

  #compress(text: Buffer): Buffer | Promise<Buffer> | undefined {
    if (text.length <= COMPRESS_AT_ONCE_TO_BYTES) return gzipSync(text, COMPRESSION)
    return this.#compressions < MOST_COMPRESSIONS ? this.#compressAside(text) : undefined
  }

  async #compressAside(text: Buffer): Promise<Buffer> {
    this.#compressions++
    try {
      return await compress(text, COMPRESSION)
    } finally {
      this.#compressions--
    }
  }
}

interface Body {
  readonly text: Buffer
  readonly zipped: Buffer | Promise<Buffer> | undefined
}
