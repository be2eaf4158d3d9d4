import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { residentMegabytes } from '../harness/process-usage.ts'
import { attached, FiredCounts, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import type { RangeSeries } from './prometheus.ts'
import { pushLog } from './push-log.ts'
import { startPushPipeline } from './push-pipeline.ts'
import { requireStack } from './requirements.ts'
import type { Server } from './server.ts'

const PROMETHEUS_DOWN_MS = 30_000
const COLLECTOR_DOWN_MS = 60_000
/** By then the Collector holds pushes that it could not hand over: they have to outlive it. */
const COLLECTOR_FALLS_MS = 15_000
/** Permitted growth of a heap that is not collected yet. */
const ALLOWED_GROWTH_MB = 10

it('counts all that was sent though Prometheus is down for 30 s and the Collector is killed for 60 s', async (context) => {
  await requireStack(context, 'otelcol', 'prometheus')
  const { path, install } = stage()
  await using pipeline = await startPushPipeline(path)
  const { prometheus, collector } = pipeline
  const bitcoind = install('bitcoind')
  const args = ['--bitcoind', bitcoind, '--otlp-endpoint', collector.url, '--otlp-interval', '1', '--no-alerts']
  await using agent = await startAgentProcess({ args })
  await prometheus.until('bitcoin_blocks_connected_total == 0', 'the zeros to be stored')

  await using node = await startNode(bitcoind, path())
  await attached(node)
  const fired = new FiredCounts()
  fired.add(await node.command('events 20000 5000'))
  const status = async () => (await fetch(`${agent.url('metrics')}/api/v1/status`)).text()
  await until(async () => (await status()).includes('"blocks":2000,'), 'as many blocks to be closed as the page holds')
  const memoryMb = residentMegabytes(agent.pid)
  const start = Date.now() / 1000
  const [during] = await Promise.all([
    node.command('blocks 160 500000'),
    outage(prometheus, PROMETHEUS_DOWN_MS),
    setTimeout(COLLECTOR_FALLS_MS).then(() => outage(collector, COLLECTOR_DOWN_MS)),
  ])
  fired.add(during)
  fired.add(await node.command('blocks 20'))
  await prometheus.until(`sum(fibre_exporter_events_processed_total) == ${fired.sum}`, 'the last values to be stored', 30_000)
  const growthMb = residentMegabytes(agent.pid) - memoryMb

  const counted = await prometheus.samples('fibre_exporter_events_processed_total{event_type!="unknown"}[10m]')
  expect(byType(counted, lastIn)).toEqual(fired.expected)
  expect(byType(counted, (series) => lastIn(series) - firstIn(series))).toEqual(fired.expected)
  for (const { labels, points } of counted) {
    const { event_type: type = '' } = labels
    if (fired.of(type) === 0) continue // messages, which these commands do not pass
    const [increase] = await prometheus.query(
      `increase(fibre_exporter_events_processed_total{event_type="${type}"}[10m])`,
      points.at(-1)?.time,
    )
    expect((increase?.value ?? 0) / fired.of(type), type).toBeCloseTo(1, 2)
    const queued = points.filter(({ time }) => time > start && time < start + COLLECTOR_FALLS_MS / 1000)
    expect(queued.length, 'pushes that outlived the Collector in its queue').toBeGreaterThan(10)
  }
  expect(pushLog(agent).map(({ msg }) => msg)).toEqual([
    'pushing metrics',
    'cannot push metrics; trying again at each interval',
    'pushing metrics',
  ])
  expect(growthMb).toBeLessThan(ALLOWED_GROWTH_MB)
})

/** Kills a server, and starts it again after that time. */
async function outage(server: Server, durationMs: number): Promise<void> {
  await server.stop('SIGKILL')
  await setTimeout(durationMs)
  await server.start()
}

const firstIn = ({ points }: RangeSeries) => points[0]?.value ?? Number.NaN
const lastIn = ({ points }: RangeSeries) => points.at(-1)?.value ?? Number.NaN

function byType(series: readonly RangeSeries[], value: (series: RangeSeries) => number) {
  return Object.fromEntries(series.map((each) => [each.labels.event_type, value(each)]))
}
