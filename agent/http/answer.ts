import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { prefers } from './accept.ts'

export interface Answer {
  readonly status: number
  readonly body: string
  /** Plain text when absent. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Route = (request: IncomingMessage) => Answer | Promise<Answer>

const compress = promisify(gzip)
/** What fits into one packet gains nothing. */
const COMPRESS_FROM_BYTES = 1_400

/** Sends an answer, compressed where the client takes it; Node leaves the body out of an answer to HEAD. */
export async function send(answer: Answer, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = Buffer.from(answer.body)
  const zipped = text.length >= COMPRESS_FROM_BYTES && prefers(request.headers['accept-encoding'], 'gzip', 'identity')
  // Level 1: a page of metrics shrinks to a tenth at no cost worth naming.
  const body = zipped ? await compress(text, { level: 1 }) : text
  response.writeHead(answer.status, {
    'Content-Type': answer.type ?? 'text/plain; charset=utf-8',
    'Content-Length': body.length,
    ...(zipped && { 'Content-Encoding': 'gzip' }),
    Vary: 'Accept, Accept-Encoding',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...answer.headers,
  })
  response.end(body)
}
