import { freePorts } from '../harness/free-ports.ts'
import { Server } from './server.ts'

export interface CollectorOptions {
  /** Paths, or `yaml:…`; later ones win, as on the command line. */
  readonly configs: readonly string[]
  /** The variables that the configuration takes. Address and ports are given: loopback, free ones. */
  readonly env: Readonly<Record<string, string>>
  readonly launcher?: readonly string[]
}

/** Starts a Collector as its configuration's head says. Its address takes OTLP. */
export async function startCollector({ configs, env, launcher }: CollectorOptions): Promise<Server> {
  const [port, healthPort] = await freePorts(2)
  const collector = new Server({
    program: 'otelcol',
    launcher,
    args: ['--feature-gates=stanza.synchronousLogEmitter', ...configs.map((config) => `--config=${config}`)],
    env: { ...env, COLLECTOR_BIND: '127.0.0.1', OTLP_PORT: `${port}`, HEALTH_PORT: `${healthPort}` },
    url: `http://127.0.0.1:${port}`,
    readyUrl: `http://127.0.0.1:${healthPort}`,
  })
  await collector.start()
  return collector
}
