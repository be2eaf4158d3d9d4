import type { Server, Socket } from 'node:net'

/** More than any set of scrapers needs, and below the 1,024 file descriptors that a process usually has. */
const MOST_CONNECTIONS = 750

/**
 * The open connections of a server. Where there are too many the oldest gives way, so that idle clients can neither
 * use up the file descriptors nor lock a scrape out. Unlike the server's own list it knows unfinished TLS handshakes.
 */
export function capConnections(server: Server): ReadonlySet<Socket> {
  const connections = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
    const [oldest] = connections
    if (connections.size > MOST_CONNECTIONS) oldest?.destroy()
  })
  return connections
}
