import type { Writable } from 'node:stream'
import type { PageAnswer, PageStream } from './answer.ts'

/** With more clients the oldest gives way, so that idle ones lock nobody out; a page that is still looked at reconnects. */
const MOST_CLIENTS = 100
/** A client that has this much unread is dropped; it reconnects and gets everything anew. */
const MOST_UNREAD_BYTES = 256 * 1024
/** Below the time after which the server and proxies close an idle connection. */
const HEARTBEAT_MS = 15_000

/** The open streams of server-sent events. All get the same. */
export class EventStreams {
  readonly #clients = new Set<Writable>()
  readonly #heartbeat: () => string
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  /** `heartbeat` makes the event that is sent every 15 s. */
  constructor(heartbeat: () => string) {
    this.#heartbeat = heartbeat
  }

  get size(): number {
    return this.#clients.size
  }

  /** Opens one more, which begins with `greeting`. */
  open(greeting: () => string): PageAnswer | PageStream {
    if (this.#isClosed) return { status: 503, body: 'The agent ends.\n', headers: { 'Retry-After': '10' } }
    return { type: 'text/event-stream; charset=utf-8', stream: (client) => this.#add(client, greeting()) }
  }

  send(text: string): void {
    const bytes = Buffer.from(text)
    for (const client of this.#clients) {
      if (client.writableLength > MOST_UNREAD_BYTES) client.destroy()
      else client.write(bytes)
    }
  }

  /** Ends them all, at once. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const client of this.#clients) client.end()
  }

  #add(client: Writable, greeting: string): void {
    if (this.#isClosed) return void client.end()
    const [oldest] = this.#clients
    if (this.#clients.size >= MOST_CLIENTS) oldest?.destroy()
    this.#clients.add(client)
    client.on('close', () => this.#remove(client))
    client.write(greeting)
    this.#timer ??= setInterval(() => this.send(this.#heartbeat()), HEARTBEAT_MS).unref()
  }

  #remove(client: Writable): void {
    this.#clients.delete(client)
    if (this.#clients.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

/** Writes a server-sent event. A carriage return would end a line of it, too. */
export function serverSentEvent(name: string, text: string): string {
  const lines = text.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`)
  return `event: ${name}\n${lines.join('')}\n`
}
