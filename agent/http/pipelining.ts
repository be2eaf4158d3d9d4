import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Time between two pipelined requests, of all connections together. No scraper or browser sends such. */
const INTERVAL_MS = 20
/** After a request the others wait four times as long as it took: all of them take a fifth of the agent's time at most. */
const WAIT_FACTOR = 4
const END_OF_HEAD = '\r\n\r\n'

/**
 * Lets a server read one request of a connection at a time. Node.js parses all that a client has written and starts every
 * request of it at once: 64 KB of pipelined requests are 2,600. Here the rest is held unread until the request before has
 * its answer, and is then queued with that of other connections.
 */
export function readInTurn(server: Server): void {
  const queue = new Queue()
  const connections = new Map<Socket, Connection>()
  // What node:http reads from is the stream inside TLS.
  server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.set(socket, new Connection(socket, queue))
    socket.once('close', () => connections.delete(socket))
  })
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => connections.get(socket)?.answering(response))
}

/** Passes a socket's bytes to Node's parser, one request at a time. */
class Connection {
  readonly #socket: Socket
  readonly #queue: Queue
  readonly #parsers: readonly ((bytes: Buffer) => void)[]
  /** Bytes read from the socket and not parsed yet. */
  #held: Buffer | undefined
  #isAnswering = false

  constructor(socket: Socket, queue: Queue) {
    this.#socket = socket
    this.#queue = queue
    this.#parsers = socket.listeners('data') as ((bytes: Buffer) => void)[]
    // A listener for bytes also takes the socket's handle back from node:http, which otherwise reads past all listeners.
    socket.on('data', (bytes: Buffer) => this.#take(bytes))
    for (const parser of this.#parsers) socket.removeListener('data', parser)
  }

  get isReady(): boolean {
    return !this.#isAnswering
  }

  /** Parses nothing more until this response has ended. */
  answering(response: ServerResponse): void {
    this.#isAnswering = true
    response.once('close', () => {
      this.#isAnswering = false
      if (this.#held) this.#queue.add(this)
    })
  }

  /** Parses the bytes that are held, up to the next request. */
  resume(): void {
    const bytes = this.#held
    this.#held = undefined
    if (bytes) this.#parse(bytes)
    if (!this.#held) this.#socket.resume()
  }

  #take(bytes: Buffer): void {
    if (!this.#held && !this.#isAnswering) return void this.#parse(bytes)
    this.#held = this.#held ? Buffer.concat([this.#held, bytes]) : bytes
    this.#socket.pause()
  }

  /** A head ends with an empty line, so up to the first there is one request at most. A body is cut where it has one, which harms nothing. */
  #parse(bytes: Buffer): void {
    if (!this.#socket.writable) return // refused, or ended with its last answer
    if (this.#socket.writableNeedDrain) return void this.#hold(bytes)
    const end = bytes.indexOf(END_OF_HEAD)
    const first = end === -1 ? bytes : bytes.subarray(0, end + END_OF_HEAD.length)
    if (first.length < bytes.length) this.#hold(bytes.subarray(first.length))
    for (const parse of this.#parsers) parse(first)
  }

  #hold(bytes: Buffer): void {
    this.#held = bytes
    this.#socket.pause()
    this.#queue.add(this)
  }
}

/** Connections with bytes to be parsed, the one that has waited longest first. */
class Queue {
  readonly #waiting = new Set<Connection>()
  #timer: NodeJS.Timeout | undefined

  add(connection: Connection): void {
    this.#waiting.add(connection)
    this.#timer ??= this.#after(INTERVAL_MS)
  }

  #after(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#turn(), ms).unref()
  }

  #turn(): void {
    const [first] = this.#waiting
    if (!first) {
      this.#timer = undefined
      return
    }
    this.#waiting.delete(first)
    const start = performance.now()
    if (first.isReady) first.resume()
    this.#timer = this.#after(Math.max(INTERVAL_MS, WAIT_FACTOR * (performance.now() - start)))
  }
}
