import type { Logger } from 'pino'
import { shareOfConnections } from './http/connections.ts'
import { healthRoute, readyRoute } from './http/health.ts'
import { metricsRoute } from './http/metrics.ts'
import { type HttpServer, listen } from './http/server.ts'
import type { Telemetry } from './metrics/otel/telemetry.ts'
import { openFileLimit } from './metrics/process.ts'
import type { Snapshot } from './nodes/snapshot.ts'
import type { Live } from './page/live.ts'
import type { Settings } from './settings/load.ts'
import { readPassword } from './settings/secrets/password-file.ts'
import type { EventSource } from './sources/source.ts'

export interface ServersOptions {
  readonly settings: Settings
  readonly version: string
  readonly log: Logger
  readonly source: Pick<EventSource, 'drain'>
  readonly telemetry: Pick<Telemetry, 'exposition'>
  readonly live: Live
  readonly snapshot: () => Snapshot
}

export interface Servers {
  readonly metrics: HttpServer
  readonly urls: { readonly metrics: string; readonly health: string }
  /** Reads certificate and password anew. What cannot be used is said, and the old one stays. */
  reload(): void
  close(): Promise<void>
}

/** Opens the metrics server, with the page, and the health server. */
export async function openServers(options: ServersOptions): Promise<Servers> {
  const { settings, version, log, source, telemetry, live, snapshot } = options
  const { listenAddress, port, healthPort, metricsAuthUsername: username, metricsAuthPassword: password, tlsCert, tlsKey } = settings
  const tls = tlsCert !== undefined && tlsKey !== undefined ? { certFile: tlsCert, keyFile: tlsKey } : undefined
  const credentials = username !== undefined && password !== undefined ? { username, password } : undefined
  const most = shareOfConnections(openFileLimit())
  const common = { address: listenAddress, allowedHosts: [listenAddress, ...(settings.allowedHosts ?? [])], tls, log }
  const exposition = () => {
    source.drain()
    return telemetry.exposition()
  }
  const routes = { ...live.routes, '/metrics': metricsRoute(exposition) }
  const readyState = () => {
    const { readiness, warnings } = snapshot()
    return { ...readiness, warnings }
  }
  const metrics = await listen({ ...common, name: 'metrics', port, credentials, maxConnections: most.metrics, routes })
  try {
    const routes = { '/health': healthRoute(version), '/ready': readyRoute(readyState, version) }
    const health = await listen({ ...common, name: 'health', port: healthPort, maxConnections: most.health, routes })
    if (!credentials && !isLoopback(listenAddress))
      log.warn({ address: listenAddress }, 'metrics are open to other machines without a password: see --metrics-auth-username')
    return {
      metrics,
      urls: { metrics: metrics.url, health: health.url },
      reload: () => reloadServers([metrics, health], settings, log),
      close: async () => void (await Promise.all([metrics.close(), health.close()])),
    }
  } catch (error) {
    await metrics.close()
    throw error
  }
}

function reloadServers(servers: readonly HttpServer[], { metricsAuthUsername, metricsAuthPasswordFile }: Settings, log: Logger): void {
  for (const server of servers) server.reloadTls()
  if (metricsAuthUsername === undefined || metricsAuthPasswordFile === undefined) return
  const file = readPassword(metricsAuthPasswordFile)
  if ('problem' in file) return void log.error({ reason: file.problem }, 'password not reloaded, still asking for the old one')
  for (const server of servers) server.setCredentials({ username: metricsAuthUsername, password: file.password })
  log.info('password reloaded')
}

const isLoopback = (address: string) => address === 'localhost' || address === '::1' || address.startsWith('127.')
