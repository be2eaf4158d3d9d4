import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { prefers } from './accept.ts'

export interface WholeAnswer {
  readonly status: number
  readonly body: string
  /** Plain text when absent. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer without an end: `stream` is handed the client and writes to it until one of the two closes. */
export interface StreamedAnswer {
  readonly type: string
  readonly stream: (client: ServerResponse) => void
}

export type Answer = WholeAnswer | StreamedAnswer
export type Route = (request: IncomingMessage) => Answer | Promise<Answer>

const compress = promisify(gzip)
/** What fits into one packet gains nothing. */
const COMPRESS_FROM_BYTES = 1_400
const COMMON_HEADERS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }

/** Sends an answer; one to HEAD has no body. */
export async function send(answer: Answer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if ('stream' in answer) sendStream(answer, request, response)
  else await sendWhole(answer, request, response)
}

/** Compressed where the client takes it; Node leaves the body out of an answer to HEAD. */
async function sendWhole(answer: WholeAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = Buffer.from(answer.body)
  const zipped = text.length >= COMPRESS_FROM_BYTES && prefers(request.headers['accept-encoding'], 'gzip', 'identity')
  // Level 1: a page of metrics shrinks to a tenth at no cost worth naming.
  const body = zipped ? await compress(text, { level: 1 }) : text
  response.writeHead(answer.status, {
    'Content-Type': answer.type ?? 'text/plain; charset=utf-8',
    'Content-Length': body.length,
    ...(zipped && { 'Content-Encoding': 'gzip' }),
    Vary: 'Accept, Accept-Encoding',
    ...COMMON_HEADERS,
    ...answer.headers,
  })
  response.end(body)
}

function sendStream({ type, stream }: StreamedAnswer, request: IncomingMessage, response: ServerResponse): void {
  // nginx would keep what it has until there is enough of it.
  response.writeHead(200, { 'Content-Type': type, 'X-Accel-Buffering': 'no', ...COMMON_HEADERS })
  if (request.method === 'HEAD') return void response.end()
  response.flushHeaders()
  stream(response)
}
