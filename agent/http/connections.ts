import type { Server, Socket } from 'node:net'

/** Most open connections of a server: more than any set of scrapers needs. */
export const MOST_CONNECTIONS = 750
/** File descriptors that the agent keeps for itself (nodes, files, `/proc`): a quarter of them, at least this many, but no more than half. */
const RESERVE = 256

/** Divides the file descriptors into most connections for each server, so that the agent keeps enough. */
export function shareOfConnections(openFileLimit: number): { readonly metrics: number; readonly health: number } {
  const forClients = openFileLimit - Math.min(Math.max(RESERVE, openFileLimit / 4), openFileLimit / 2)
  const [metrics, health] = [2 / 3, 1 / 3].map((part) => Math.min(Math.floor(part * forClients), MOST_CONNECTIONS)) as [number, number]
  return { metrics, health }
}

/**
 * Open connections of servers. Ends the oldest when there are too many, so that idle clients can neither use up the file descriptors nor lock a
 * scrape out. Unlike the servers' own lists they include unfinished TLS handshakes.
 */
export class Connections {
  readonly #most: number
  readonly #open = new Set<Socket>()

  constructor(most: number) {
    this.#most = most
  }

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket)
      socket.once('close', () => this.#open.delete(socket))
      const [oldest] = this.#open
      if (this.#open.size > this.#most) oldest?.destroy()
    })
  }

  destroyAll(): void {
    for (const connection of this.#open) connection.destroy()
  }
}
