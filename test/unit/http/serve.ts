import { onTestFinished } from 'vitest'
import { basicAuth, type Credentials } from '../../../agent/http/access/basic-auth.ts'
import { type HttpServer, listen, type ServerOptions } from '../../../agent/http/server.ts'
import { readTls, type TlsFiles } from '../../../agent/http/tls/tls.ts'
import { captureLog, type LoggedLine } from '../../harness/captured-log.ts'

export interface Served extends HttpServer {
  /** Those of its only address. */
  readonly url: string
  readonly port: number
  readonly logged: readonly LoggedLine[]
}

interface Options extends Omit<Partial<ServerOptions>, 'tls'> {
  /** Files, or what was read from them. */
  readonly tls?: ServerOptions['tls'] | TlsFiles
  readonly credentials?: Credentials
}

/** Serves on a free port of this machine until the test is finished, and keeps what is logged. */
export async function serve({ tls, credentials, ...options }: Options): Promise<Served> {
  const { log, lines: logged } = captureLog()
  const given = { tls: tls && 'certFile' in tls ? readTls(tls) : tls, authenticator: credentials && basicAuth(credentials) }
  const server = await listen({ name: 'metrics', addresses: [{ host: '127.0.0.1', port: 0 }], routes: {}, log, ...given, ...options })
  onTestFinished(() => server.close())
  return Object.assign(server, { logged, url: server.urls[0] ?? '', port: server.ports[0] ?? 0 })
}
