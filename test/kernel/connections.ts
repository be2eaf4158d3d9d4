import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** Connects to the server of a URL; closed with the test. */
export async function connectTo(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {}) // the server may reset it: its closing tells
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Connections that have had an answer and are kept. */
export async function idleConnections(url: string, count: number): Promise<readonly Socket[]> {
  return await Promise.all(Array.from({ length: count }, () => idleConnection(url)))
}

async function idleConnection(url: string): Promise<Socket> {
  const { host, pathname } = new URL(url)
  const socket = await connectTo(url)
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
  await once(socket, 'data')
  socket.resume()
  return socket
}
