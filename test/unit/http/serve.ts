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
