import type { Logger } from 'pino'
import { ChangeDetector } from './files/change-detector.ts'
import { shareOfConnections } from './http/connections.ts'
import { healthRoute, readyRoute } from './http/health.ts'
import { metricsRoute } from './http/metrics.ts'
import { type HttpServer, listen } from './http/server.ts'
import type { Telemetry } from './metrics/otel/telemetry.ts'
import { openFileLimit } from './metrics/process.ts'
import type { Snapshot } from './nodes/snapshot.ts'
import type { Live } from './page/live.ts'
import type { Settings } from './settings/load.ts'
import type { EventSource } from './sources/source.ts'
import { TermsFiles } from './terms.ts'

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
  readonly urls: { readonly metrics: string; readonly health: string }
  /** Expiry of the certificate that is served; undefined without TLS. */
  readonly certificateNotAfter: Date | undefined
  /** Number of requests with a wrong user name or password. */
  readonly wrongPasswords: number
  /** Files that cannot be read anew, in words. */
  readonly faults: readonly string[]
  /** Reads certificate, passwords and web configuration of these settings anew. What cannot be used is said, and the old one stays. */
  reload(settings: Settings): void
  close(): Promise<void>
}

/** Opens the metrics server, with the page, and the health server. */
export async function openServers(options: ServersOptions): Promise<Servers> {
  const { settings, version, log, source, telemetry, live, snapshot } = options
  const { listenAddress: address, port, healthPort } = settings
  const withOwnHost = (settings: Settings) => ({ ...settings, allowedHosts: [address, ...(settings.allowedHosts ?? [])] })
  const terms = new TermsFiles({ settings: withOwnHost(settings), changed: () => setTerms(), log })
  const most = shareOfConnections(openFileLimit())
  const common = { address, requested: () => terms.look(), log }
  const exposition = () => {
    source.drain()
    return telemetry.exposition()
  }
  const readyState = () => {
    const { readiness, warnings } = snapshot()
    return { ...readiness, warnings }
  }
  const routes = { ...live.routes, '/metrics': metricsRoute(exposition) }
  const healthRoutes = { '/health': healthRoute(version), '/ready': readyRoute(readyState, version) }

  const metrics = await listen({ ...common, ...terms.metrics, name: 'metrics', port, maxConnections: most.metrics, routes })
  const health = await openBeside(metrics, () =>
    listen({ ...common, ...terms.health, name: 'health', port: healthPort, maxConnections: most.health, routes: healthRoutes }),
  )
  const openness = new ChangeDetector(false)
  const warnIfOpen = () => {
    const isOpen = !terms.metrics.authenticator && terms.metrics.tls?.clients !== 'valid certificate' && !isLoopback(address)
    if (openness.changesTo(isOpen) && isOpen)
      log.warn({ address }, 'metrics are open to other machines without a password: see --metrics-auth-username')
  }
  const setTerms = () => {
    metrics.setTerms(terms.metrics)
    health.setTerms(terms.health)
    warnIfOpen()
  }
  warnIfOpen()

  return {
    urls: { metrics: metrics.url, health: health.url },
    get certificateNotAfter() {
      return metrics.certificateNotAfter
    },
    get wrongPasswords() {
      return metrics.wrongPasswords
    },
    get faults() {
      return terms.faults
    },
    reload(settings) {
      terms.reload(withOwnHost(settings))
      setTerms()
    },
    close: async () => void (await Promise.all([metrics.close(), health.close()])),
  }
}

async function openBeside(first: HttpServer, open: () => Promise<HttpServer>): Promise<HttpServer> {
  try {
    return await open()
  } catch (error) {
    await first.close()
    throw error
  }
}

const isLoopback = (address: string) => address === 'localhost' || address === '::1' || address.startsWith('127.')
