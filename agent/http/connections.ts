import type { Server, Socket } from 'node:net'

/** More than any set of scrapers needs. */
export const MOST_CONNECTIONS = 750
/** Of its file descriptors the agent keeps a quarter, and no fewer than these, for itself: nodes, files, `/proc`. */
const RESERVE = 256

/** How many connections each server may have, so that all of them together leave the agent enough file descriptors. */
export function shareOfConnections(openFileLimit: number): { readonly metrics: number; readonly health: number } {
  const forClients = openFileLimit - Math.min(Math.max(RESERVE, openFileLimit / 4), openFileLimit / 2)
  const [metrics, health] = [2 / 3, 1 / 3].map((part) => Math.min(Math.floor(part * forClients), MOST_CONNECTIONS)) as [number, number]
  return { metrics, health }
}

/**
 * The open connections of a server. Where there are too many the oldest gives way, so that idle clients can neither
 * use up the file descriptors nor lock a scrape out. Unlike the server's own list it knows unfinished TLS handshakes.
 */
export function capConnections(server: Server, most: number): ReadonlySet<Socket> {
  const connections = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    const [oldest] = connections
    if (connections.size > most) oldest?.destroy()
  })
  return connections
}
