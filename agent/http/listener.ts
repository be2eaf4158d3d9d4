import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import { isIPv6 } from 'node:net'
import { dirname } from 'node:path'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Logger } from 'pino'
import { ThrottledLog } from './access/throttled-log.ts'
import type { Connections } from './connections.ts'
import { readInTurn } from './pipelining.ts'
import { type ClientRules, refusalOfClient } from './tls/clients.ts'
import type { Tls } from './tls/tls.ts'
import { listenOnSocket } from './unix-socket.ts'

/** Where a server listens: at a port of a host, or on a unix socket of a mode. */
export type Address =
  | { readonly host: string; readonly port: number; readonly ipv6Only?: boolean }
  | { readonly path: string; readonly mode: number }

export interface ListenerOptions {
  readonly name: 'metrics' | 'health' | 'socket'
  readonly address: Address
  readonly tls?: Tls | undefined
  readonly connections: Connections
  readonly log: Logger
}

/** A server at one address. */
export interface Listener {
  /** `https://127.0.0.1:9435`, or `unix:/run/fibre-agent/metrics.sock`. */
  readonly url: string
  /** 0 of a socket. */
  readonly port: number
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
    url: 'path' in address ? `unix:${address.path}` : `${tls ? 'https' : 'http'}://${shown(address.host)}:${port}`,
    port,
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

async function bind(server: Server, { name, address }: ListenerOptions): Promise<number> {
  try {
    if ('path' in address) await listenOnSocket(server, address.path, address.mode)
    else {
      server.listen(address)
      await once(server, 'listening')
    }
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException
    if ('path' in address) throw new Error(`cannot listen on ${address.path}: ${remedyForSocket(error, address.path)}`, { cause })
    throw new Error(`cannot listen on ${shown(address.host)}:${address.port} for ${name}: ${remedyFor(error, name)}`, { cause })
  }
  const bound = server.address()
  return typeof bound === 'object' && bound ? bound.port : 0
}

function remedyForSocket({ code, message }: NodeJS.ErrnoException, path: string): string {
  if (!existsSync(dirname(path))) return 'its folder does not exist; make it, or name another path' // libuv says EACCES
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not make it there; allow it, or name another path'
  return message
}

function remedyFor({ code, message }: NodeJS.ErrnoException, name: ListenerOptions['name']): string {
  const flag = name === 'metrics' ? '--port' : '--health-port'
  if (code === 'EADDRINUSE') return `port in use; choose another with ${flag}`
  if (code === 'EACCES') return `not permitted; choose a port above 1023 with ${flag}, or grant CAP_NET_BIND_SERVICE`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'this machine has no such address; choose another with --listen-address'
  return message
}

function shown(host: string): string {
  return isIPv6(host) ? `[${host}]` : host
}
