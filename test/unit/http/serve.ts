import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { type HttpServer, listen, type ServerOptions } from '../../../agent/http/server.ts'
import { captureLog, type LoggedLine } from '../../harness/captured-log.ts'

export interface Served extends HttpServer {
  readonly logged: readonly LoggedLine[]
}

/** Serves on a free port of this machine until the test is finished, and keeps what is logged. */
export async function serve(options: Partial<ServerOptions>): Promise<Served> {
  const { log, lines: logged } = captureLog()
  const server = await listen({ name: 'metrics', address: '127.0.0.1', port: 0, routes: {}, log, ...options })
  onTestFinished(() => server.close())
  return Object.assign(server, { logged })
}

/** Opens a connection that lasts until the test is finished or the server ends it. */
export async function openConnection(port: number) {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Sends bytes as they are and reads until the server ends the connection. */
export async function exchange(port: number, bytes: string | Buffer): Promise<string> {
  const socket = await openConnection(port)
  socket.write(bytes)
  return text(socket)
}
