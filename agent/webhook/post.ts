import type { ClientRequest, IncomingMessage } from 'node:http'

export interface Post {
  /** A user and password in it are sent to its own origin only. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Sent to the address's own origin only. */
  readonly ownHeaders: Readonly<Record<string, string>>
  readonly body: string
  /** Ends it at any stage. */
  readonly signal: AbortSignal
}

export interface PostAnswer {
  readonly status: number
  /** The wait that the server asks for; 0 if it asks for none. */
  readonly retryAfterMs: number
  /** The first line of the body, without control characters. */
  readonly firstLine: string
}

const MAX_REDIRECTS = 5
/** 303 is none of them: it says to look elsewhere for what has become of the post, not to post there. */
const redirects: ReadonlySet<number | undefined> = new Set([301, 302, 307, 308])
/** More of an answer's body is not read. */
const MAX_BODY_BYTES = 4096
/** Nor is more of its first line kept. */
const MAX_LINE_CHARACTERS = 200
const MAX_RETRY_AFTER_MS = 600_000

/** Posts something, and once more wherever it is redirected. Rejects if no answer comes. */
export async function post(request: Post): Promise<PostAnswer> {
  let { url } = request
  for (let redirected = 0; redirected <= MAX_REDIRECTS; redirected++) {
    const { response, firstLine } = await exchange(request, url)
    const { statusCode: status = 0, headers } = response
    if (!redirects.has(status)) return { status, retryAfterMs: retryAfterMs(status, headers['retry-after']), firstLine }
    url = redirectedUrl(request.url, url, headers.location)
  }
  throw new Error(`redirected more than ${MAX_REDIRECTS} times`)
}

/** Node's own client: the first `fetch` costs 28 MB of memory, this 6. TLS is loaded when it is needed. */
async function exchange({ url: own, headers, ownHeaders, body, signal }: Post, url: URL) {
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http')
  const length = Buffer.byteLength(body)
  const all = { ...headers, ...(url.origin === own.origin && ownHeaders), 'Content-Length': length }
  const outgoing = request(url, { method: 'POST', headers: all, agent: false, signal })
  outgoing.end(body)
  const response = await responseTo(outgoing)
  return { response, firstLine: firstLineOf(await readBody(response)) }
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  request.on('response', resolve).on('error', reject)
  request.on('close', () => reject(new Error('the connection ended without an answer')))
  return promise
}

/** Lets the server say its piece, within bounds. However that ends: it is the status that counts, and that is known. */
async function readBody(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) break
    }
  } catch {
    // ended early, by the server or by the signal
  }
  return Buffer.concat(chunks)
}

function firstLineOf(body: Buffer): string {
  const [line = ''] = body
    .toString('utf8', 0, MAX_BODY_BYTES)
    .trimStart()
    .split(/[\r\n]/, 1)
  return line.replace(/\p{C}/gu, '').slice(0, MAX_LINE_CHARACTERS)
}

function redirectedUrl(first: URL, from: URL, location: string | undefined): URL {
  const to = location === undefined ? null : URL.parse(location, from.href)
  if (to === null || !/^https?:$/.test(to.protocol)) throw new Error('redirected to what is no web address')
  if (from.protocol === 'https:' && to.protocol === 'http:') throw new Error(`redirected to ${to.origin}, which is not encrypted`)
  const isOwn = to.origin === first.origin
  to.username = isOwn ? first.username : ''
  to.password = isOwn ? first.password : ''
  return to
}

function retryAfterMs(status: number, retryAfter = ''): number {
  if (status !== 429 && status !== 503) return 0
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1e3 : Date.parse(retryAfter) - Date.now()
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS)
}
