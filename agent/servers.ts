import { isIPv6 } from 'node:net'
import type { Logger } from 'pino'
import { ChangeDetector } from './files/change-detector.ts'
import { shareOfConnections } from './http/connections.ts'
import { healthRoute, readyRoute } from './http/health.ts'
import type { Address } from './http/listener.ts'
import { metricsRoute } from './http/metrics.ts'
import { type HttpServer, listen, type ServerOptions, type Terms } from './http/server.ts'
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
  const { port, healthPort, socketMode: mode } = settings
  const sockets = settings.listenAddresses.filter((address) => address.startsWith('unix:')).map((address) => address.slice('unix:'.length))
  const hosts = settings.listenAddresses.filter((address) => !address.startsWith('unix:'))
  const withOwnHosts = (settings: Settings) => ({ ...settings, allowedHosts: [...hosts, ...(settings.allowedHosts ?? [])] })
  const terms = new TermsFiles({ settings: withOwnHosts(settings), changed: () => setTerms(), log })
  const most = shareOfConnections(openFileLimit())
  const common = { requested: () => terms.look(), log }
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
  const openPaths = Object.keys(healthRoutes)
  const at = (port: number) => addressesOf(hosts, port)
  const socketAddresses = sockets.map((path) => ({ path, mode }))

  const opened = await openInOrder(
    [
      { options: { name: 'metrics', addresses: at(port), maxConnections: most.metrics, routes }, terms: () => terms.metrics },
      {
        options: { name: 'health', addresses: at(healthPort), maxConnections: most.health, routes: healthRoutes },
        terms: () => terms.health,
      },
      {
        options: {
          name: 'socket',
          addresses: socketAddresses,
          openPaths,
          maxConnections: most.health,
          routes: { ...routes, ...healthRoutes },
        },
        terms: () => ({ ...terms.metrics, tls: undefined }),
      },
    ],
    common,
  )
  const openness = new ChangeDetector(false)
  const warnIfOpen = () => {
    const address = hosts.filter((host) => !isLoopback(host)).join(', ')
    const isOpen = !terms.metrics.authenticator && terms.metrics.tls?.clients !== 'valid certificate' && address !== ''
    if (openness.changesTo(isOpen) && isOpen)
      log.warn({ address }, 'metrics are open to other machines without a password: see --metrics-auth-username')
  }
  const setTerms = () => {
    for (const { server, terms } of opened) server.setTerms(terms())
    warnIfOpen()
  }
  warnIfOpen()

  const [first] = opened
  const urlOf = (name: string) => (opened.find(({ options }) => options.name === name) ?? first)?.server.urls[0] ?? ''
  return {
    urls: { metrics: urlOf('metrics'), health: urlOf('health') },
    get certificateNotAfter() {
      return first?.server.certificateNotAfter
    },
    get wrongPasswords() {
      return opened.reduce((sum, { server }) => sum + server.wrongPasswords, 0)
    },
    get faults() {
      return terms.faults
    },
    reload(settings) {
      terms.reload(withOwnHosts(settings))
      setTerms()
    },
    close: async () => void (await Promise.all(opened.map(({ server }) => server.close()))),
  }
}

interface ServerPlan {
  readonly options: Omit<ServerOptions, keyof Terms | 'log'>
  readonly terms: () => Terms
}

/** Opens the servers that have an address, or none. */
async function openInOrder(plans: readonly ServerPlan[], common: Pick<ServerOptions, 'requested' | 'log'>) {
  const opened: (ServerPlan & { readonly server: HttpServer })[] = []
  try {
    for (const plan of plans.filter(({ options }) => options.addresses.length > 0))
      opened.push({ ...plan, server: await listen({ ...common, ...plan.options, ...plan.terms() }) })
    return opened
  } catch (error) {
    for (const { server } of opened) await server.close()
    throw error
  }
}

/** Hosts at a port. Beside an address of IPv4, that of IPv6 for all (::) is for IPv6 alone: else the two collide. */
function addressesOf(hosts: readonly string[], port: number): readonly Address[] {
  const ipv6Only = hosts.some((host) => !isIPv6(host))
  return hosts.map((host) => ({ host, port, ipv6Only: ipv6Only && isIPv6(host) }))
}

const isLoopback = (address: string) => address === 'localhost' || address === '::1' || address.startsWith('127.')
