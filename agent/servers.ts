import type { Logger } from 'pino'
import { healthRoute, readyRoute } from './http/health.ts'
import type { Live } from './http/live.ts'
import { metricsRoute } from './http/metrics.ts'
import { type HttpServer, listen } from './http/server.ts'
import type { Status } from './http/status.ts'
import type { Settings } from './settings/load.ts'

export interface ServersOptions {
  readonly settings: Settings
  readonly version: string
  readonly log: Logger
  readonly exposition: () => Promise<string>
  readonly live: Live
  readonly status: () => Status
}

/** Opens the metrics server, with the page, and the health server. */
export async function openServers(options: ServersOptions): Promise<readonly [HttpServer, HttpServer]> {
  const { settings, version, log, exposition, live, status } = options
  const { listenAddress, port, healthPort, metricsAuthUsername: username, metricsAuthPassword: password, tlsCert, tlsKey } = settings
  const tls = tlsCert !== undefined && tlsKey !== undefined ? { certFile: tlsCert, keyFile: tlsKey } : undefined
  const credentials = username !== undefined && password !== undefined ? { username, password } : undefined
  const common = { address: listenAddress, tls, log }
  const routes = { ...live.routes, '/metrics': metricsRoute(exposition) }
  const readyState = () => {
    const { health, warnings } = status()
    return { ...health, warnings }
  }
  const metrics = await listen({ ...common, name: 'metrics', port, credentials, routes })
  try {
    const routes = { '/health': healthRoute(version), '/ready': readyRoute(readyState, version) }
    const health = await listen({ ...common, name: 'health', port: healthPort, routes })
    if (!credentials && !isLoopback(listenAddress))
      log.warn({ address: listenAddress }, 'metrics are open to other machines without a password: see --metrics-auth-username')
    return [metrics, health]
  } catch (error) {
    await metrics.close()
    throw error
  }
}

const isLoopback = (address: string) => address === 'localhost' || address === '::1' || address.startsWith('127.')
