import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'

/** Opens a connection that lasts until the test is finished or the server ends it. */
export async function openConnection(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect(port, host)
  socket.on('error', () => {}) // the server may reset it: its closing tells
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Connects to the server of a URL. */
export function connectTo(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  return openConnection(Number(port), hostname)
}

/** Sends bytes as they are and reads until the server ends the connection. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = await openConnection(port)
  socket.write(bytes)
  return text(socket)
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
