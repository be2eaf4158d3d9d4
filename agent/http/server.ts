import type { IncomingMessage, RequestListener } from 'node:http'
import { type Access, Guard, type GuardOptions } from './access/guard.ts'
import { type Headers, type HttpAnswer, type Route, Sender } from './answer.ts'
import { Connections, MOST_CONNECTIONS } from './connections.ts'
import { type Address, type Listener, openListener } from './listener.ts'
import type { Tls } from './tls/tls.ts'

/** What of a server may change while it runs. */
export interface Terms extends Access {
  /** A server with TLS keeps it, and one without goes on without. */
  readonly tls?: Tls | undefined
  /** Sent with every answer. */
  readonly headers?: Headers | undefined
}

export interface ServerOptions extends GuardOptions, Terms {
  readonly name: 'metrics' | 'health' | 'socket'
  /** One at least. */
  readonly addresses: readonly Address[]
  /** Most open connections. */
  readonly maxConnections?: number | undefined
  readonly routes: Readonly<Record<string, Route>>
  /** Told of every request before it is answered. */
  readonly requested?: () => void
}

export interface HttpServer {
  /** Of its addresses, in their order. */
  readonly urls: readonly string[]
  readonly ports: readonly number[]
  /** Expiry of the certificate that is served; undefined without TLS. */
  readonly certificateNotAfter: Date | undefined
  /** Number of requests with a wrong user name or password. */
  readonly wrongPasswords: number
  setTerms(terms: Terms): void
  close(): Promise<void>
}

/** Time that answers under way have when the server closes. */
const CLOSE_GRACE_MS = 300

/** Starts a server that answers GET and HEAD on a few routes. */
export async function listen(options: ServerOptions): Promise<HttpServer> {
  const { name, addresses, authenticator, maxConnections = MOST_CONNECTIONS, requested, log } = options
  let { tls } = options
  const guard = new Guard(options)
  const answer = answerer(options)
  const sender = new Sender(options.headers)
  const connections = new Connections(maxConnections)
  const answerRequest: RequestListener = async (request, response) => {
    try {
      requested?.()
      const reply = (await guard.refusal(request)) ?? (await answer(request))
      if (isClosing) response.shouldKeepAlive = false
      await sender.send(reply, request, response)
    } catch (err) {
      log.error({ err, server: name }, 'cannot send an answer')
      response.destroy()
    }
  }
  let isClosing = false
  const listeners: Listener[] = []
  try {
    for (const address of addresses) listeners.push(await openListener({ name, address, tls, connections, log }, answerRequest))
  } catch (error) {
    await close(listeners, connections)
    throw error
  }
  for (const { url } of listeners) log.info({ server: name, url, authentication: authenticator !== undefined }, 'listening')
  return {
    urls: listeners.map(({ url }) => url),
    ports: listeners.map(({ port }) => port),
    get certificateNotAfter() {
      return tls?.notAfter
    },
    get wrongPasswords() {
      return guard.wrongPasswords.total
    },
    setTerms(terms) {
      guard.setAccess(terms)
      sender.setHeaders(terms.headers)
      if (!terms.tls || !tls || terms.tls.context === tls.context) return
      tls = terms.tls
      for (const listener of listeners) listener.setTls(tls)
    },
    close() {
      isClosing = true
      return close(listeners, connections)
    },
  }
}

/** Answers requests by their route. A route that fails is logged when it starts to fail and when it works again. */
function answerer({ routes, log }: ServerOptions): (request: IncomingMessage) => Promise<HttpAnswer> {
  const failing = new Set<string>()

  return async (request) => {
    const path = URL.parse(request.url ?? '', 'http://localhost')?.pathname ?? ''
    const route = routes[path]
    if (!route) return { status: 404, body: 'Not Found' }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return { status: 405, body: 'Method Not Allowed', headers: { Allow: 'GET, HEAD' } }
    }
    try {
      const answer = await route(request)
      if (failing.delete(path)) log.info({ path }, 'answering again')
      return answer
    } catch (err) {
      if (!failing.has(path)) log.error({ err, path }, 'cannot answer')
      failing.add(path)
      return { status: 500, body: `Cannot answer ${path}: the agent's log says why.\n` }
    }
  }
}

async function close(listeners: readonly Listener[], connections: Connections): Promise<void> {
  const closed = Promise.all(listeners.map((listener) => listener.close()))
  const grace = setTimeout(() => connections.destroyAll(), CLOSE_GRACE_MS)
  await closed
  clearTimeout(grace)
}
