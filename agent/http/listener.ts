import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Logger } from 'pino'
import { ThrottledLog } from './access/throttled-log.ts'
import type { Connections } from './connections.ts'
import { readInTurn } from './pipelining.ts'
import { type ClientRules, refusalOfClient } from './tls/clients.ts'
import type { Tls } from './tls/tls.ts'

export interface ListenerOptions {
  readonly name: 'metrics' | 'health'
  readonly address: string
  readonly port: number
  readonly tls?: Tls | undefined
  readonly connections: Connections
  readonly log: Logger
}

/** A server at one address. */
export interface Listener {
  readonly url: string
  readonly port: number
  readonly isListening: boolean
  /** Serves a new certificate from now on; a listener without TLS goes on without. */
  setTls(tls: Tls): void
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

/** Opens a listener that hands requests over. */
export async function openListener(options: ListenerOptions, answer: RequestListener): Promise<Listener> {
  const { name, address, tls, connections, log } = options
  const server: Server | TlsServer = tls ? createTlsServer(tls, log) : createServer(LIMITS)
  server.timeout = STALLED_MS
  readInTurn(server)
  server.on('request', answer)
  server.on('clientError', refuse)
  connections.watch(server)
  const port = await bind(server, options)
  server.on('error', (err) => log.error({ err, server: name }, 'server error'))
  return {
    url: `${tls ? 'https' : 'http'}://${host(address)}:${port}`,
    port,
    get isListening() {
      return server.listening
    },
    setTls(tls) {
      if (isTlsServer(server)) setTls(server, tls)
    },
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}

/** Rules that a TLS server has for its clients. */
const rules = new WeakMap<Server | TlsServer, ClientRules>()

function createTlsServer(tls: Tls, log: Logger): TlsServer {
  // Whether a certificate is valid is judged below, where a reason can be logged and the rules can change.
  const server = process.getBuiltinModule('node:https').createServer({ ...LIMITS, ...tls.context, rejectUnauthorized: false })
  setTls(server, tls)
  let lastReason = ''
  const throttledLog = new ThrottledLog((count) => log.warn({ count, reason: lastReason }, 'clients refused for their certificates'))
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const reason = refusalOfClient(socket, rules.get(server) ?? tls)
    if (reason === undefined) return
    lastReason = reason
    throttledLog.add()
    socket.destroy()
  })
  return server
}

const isTlsServer = (server: Server | TlsServer): server is TlsServer => 'setSecureContext' in server

function setTls(server: TlsServer, tls: Tls): void {
  rules.set(server, tls)
  server.setSecureContext(tls.context)
  // Node.js has no method for this; it reads the property at each connection.
  Object.assign(server, { requestCert: tls.clients !== 'nothing' })
  server.closeIdleConnections() // that were made by the old rules
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

async function bind(server: Server, { name, address, port }: ListenerOptions): Promise<number> {
  try {
    server.listen({ host: address, port })
    await once(server, 'listening')
  } catch (cause) {
    throw new Error(`cannot listen on ${host(address)}:${port} for ${name}: ${remedyFor(cause as NodeJS.ErrnoException, name)}`, { cause })
  }
  const bound = server.address()
  return typeof bound === 'object' && bound ? bound.port : port
}

function remedyFor({ code, message }: NodeJS.ErrnoException, name: ListenerOptions['name']): string {
  const flag = name === 'metrics' ? '--port' : '--health-port'
  if (code === 'EADDRINUSE') return `port in use; choose another with ${flag}`
  if (code === 'EACCES') return `not permitted; choose a port above 1023 with ${flag}, or grant CAP_NET_BIND_SERVICE`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address; choose another with --listen-address'
  return message
}

function host(address: string): string {
  return isIPv6(address) ? `[${address}]` : address
}
