import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { isIPv6, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Credentials } from './access/basic-auth.ts'
import { Guard, type GuardOptions } from './access/guard.ts'
import { type HttpAnswer, type Route, Sender } from './answer.ts'
import { readCertificate, type TlsFiles } from './certificate.ts'
import { capConnections, MOST_CONNECTIONS } from './connections.ts'
import { readInTurn } from './pipelining.ts'

export interface ServerOptions extends GuardOptions {
  readonly name: 'metrics' | 'health'
  readonly address: string
  readonly port: number
  readonly tls?: TlsFiles | undefined
  /** Most open connections. */
  readonly maxConnections?: number | undefined
  readonly routes: Readonly<Record<string, Route>>
}

export interface HttpServer {
  readonly url: string
  readonly port: number
  /** Expiry of the certificate that is served; undefined without TLS. */
  readonly certificateNotAfter: Date | undefined
  /** Number of requests with a wrong user name or password. */
  readonly wrongPasswords: number
  /** Reads the certificate's files anew; if they cannot be served, the old certificate stays. */
  reloadTls(): void
  /** Replaces user name and password; a server that asks for none goes on without. */
  setCredentials(credentials: Credentials): void
  close(): Promise<void>
}

const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  handshakeTimeout: 10_000,
  connectionsCheckingInterval: 2_000,
  // A Prometheus that scrapes once a minute keeps its connection.
  keepAliveTimeout: 75_000,
} as const
/** A client that stops reading its answer loses the connection. */
const STALLED_MS = 30_000
/** Time that answers under way have when the server closes. */
const CLOSE_GRACE_MS = 300

/** Starts a server that answers GET and HEAD on a few routes. */
export async function listen(options: ServerOptions): Promise<HttpServer> {
  const { name, tls, credentials, maxConnections = MOST_CONNECTIONS, log } = options
  let certificate = tls && readCertificate(tls)
  const server: Server | TlsServer = certificate
    ? process.getBuiltinModule('node:https').createServer({ ...LIMITS, ...certificate.context })
    : createServer(LIMITS)
  server.timeout = STALLED_MS
  readInTurn(server)
  const guard = new Guard(options)
  const answer = answerer(options)
  const sender = new Sender()
  server.on('request', async (request, response) => {
    try {
      const reply = (await guard.refusal(request)) ?? (await answer(request))
      if (!server.listening) response.shouldKeepAlive = false
      await sender.send(reply, request, response)
    } catch (err) {
      log.error({ err, server: name }, 'cannot send an answer')
      response.destroy()
    }
  })
  server.on('clientError', refuse)
  const connections = capConnections(server, maxConnections)
  const port = await bind(server, options)
  server.on('error', (err) => log.error({ err, server: name }, 'server error'))

  const url = `${tls ? 'https' : 'http'}://${host(options.address)}:${port}`
  log.info({ server: name, url, authentication: credentials !== undefined }, 'listening')

  return {
    url,
    port,
    get certificateNotAfter() {
      return certificate?.notAfter
    },
    get wrongPasswords() {
      return guard.wrongPasswords.total
    },
    reloadTls() {
      if (!tls || !('setSecureContext' in server)) return
      try {
        certificate = readCertificate(tls)
        server.setSecureContext(certificate.context)
        log.info({ server: name, notAfter: certificate.notAfter }, 'certificate reloaded')
      } catch (error) {
        log.error({ reason: (error as Error).message, server: name }, 'certificate not reloaded, still serving the old one')
      }
    },
    setCredentials: (credentials) => guard.setCredentials(credentials),
    close: () => close(server, connections),
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

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
/** Closing with bytes unread resets the connection, and the client would lose the refusal. */
const LINGER_MS = 1_000

/** Answers a client that does not speak HTTP; one that does not even speak TLS, or is gone already, is only disconnected. */
function refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
  const { code = '' } = error
  const status = REFUSALS[code] ?? (code.startsWith('HPE_') ? '400 Bad Request' : undefined)
  if (!status) return void socket.destroy()
  if (!socket.writable) return
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

async function bind(server: Server, { name, address, port }: ServerOptions): Promise<number> {
  try {
    server.listen({ host: address, port })
    await once(server, 'listening')
  } catch (cause) {
    throw new Error(`cannot listen on ${host(address)}:${port} for ${name}: ${remedyFor(cause as NodeJS.ErrnoException, name)}`, { cause })
  }
  const bound = server.address()
  return typeof bound === 'object' && bound ? bound.port : port
}

function remedyFor({ code, message }: NodeJS.ErrnoException, name: ServerOptions['name']): string {
  const flag = name === 'metrics' ? '--port' : '--health-port'
  if (code === 'EADDRINUSE') return `port in use; choose another with ${flag}`
  if (code === 'EACCES') return `not permitted; choose a port above 1023 with ${flag}, or grant CAP_NET_BIND_SERVICE`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address; choose another with --listen-address'
  return message
}

function host(address: string): string {
  return isIPv6(address) ? `[${address}]` : address
}

async function close(server: Server, connections: ReadonlySet<Socket>): Promise<void> {
  server.close()
  const grace = setTimeout(() => {
    for (const connection of connections) connection.destroy()
  }, CLOSE_GRACE_MS)
  await once(server, 'close')
  clearTimeout(grace)
}
