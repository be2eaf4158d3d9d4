import { startCollector } from './otelcol.ts'
import { startPrometheus } from './prometheus.ts'
import { tellOnFailure } from './requirements.ts'
import { shipped } from './shipped.ts'

/** Starts what pushed metrics go through: a Collector as it is shipped, and a Prometheus that it hands them over to. `path` is that of a test's folder. */
export async function startPushPipeline(path: (...parts: string[]) => string) {
  await using starting = new AsyncDisposableStack()
  const prometheus = starting.use(
    await startPrometheus({ config: shipped('prometheus-otlp.yaml'), folder: path('prometheus'), otlp: true }),
  )
  const env = {
    PROMETHEUS_OTLP: prometheus.otlpUrl,
    COLLECTOR_STATE_DIR: path('state'),
    BITCOIN_DEBUG_LOG: path('none'),
    FIBRE_LOG_FILE: path('none'),
  }
  const collector = starting.use(await startCollector({ configs: [shipped('config.yaml')], env }))
  tellOnFailure({ prometheus, collector })
  const started = starting.move()
  return { prometheus, collector, [Symbol.asyncDispose]: () => started.disposeAsync() }
}
