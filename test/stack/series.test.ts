import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { freePorts } from '../harness/free-ports.ts'
import { requireBpf } from '../harness/listening.ts'
import { seriesKey, startOtlpReceiver } from '../harness/otlp.ts'
import { attached, FiredCounts, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { type InstantSample, startPrometheus } from './prometheus.ts'
import { startPushPipeline } from './push-pipeline.ts'
import { requireStack, tellOnFailure } from './requirements.ts'
import { fillIn } from './shipped.ts'

/** Series that Prometheus itself adds for each scrape, which cannot be pushed. */
const ofScraping = 'up|scrape_.*'
/** Series that Prometheus makes of its rules, each at its own moment. */
const ofRules = '.*:.*|ALERTS.*'
/** Blocks are judged to have had no race when 5 s have passed, by a look each second. */
const JUDGED_MS = 7_000
/** Series that change from one collection to the next although nothing happens. */
const ofTheMoment = /^(process_.*|fibre_exporter_(clock_error_seconds|event_loop_lag_seconds|export_success_total))$/

it.for(['http/json', 'http/protobuf'])(
  'gives the same series with the same values to a Prometheus that scrapes and to one that is pushed to: %s',
  async (protocol, context) => {
    await requireStack(context, 'otelcol', 'prometheus')
    const { path, install } = stage()
    const [port] = await freePorts(1)
    const target = `127.0.0.1:${port}`
    writeFileSync(path('password'), 'of the page')
    const scrapeConfig = fillIn('prometheus-scrape.yaml', path('prometheus-scrape.yaml'), [
      [/127\.0\.0\.1:9435/, target],
      [
        /# basic_auth:\n *# +username: fibre\n *# +password_file: .*/,
        `basic_auth: { username: fibre, password_file: ${path('password')} }`,
      ],
    ])
    await using scraping = await startPrometheus({ config: scrapeConfig, folder: path('scraped') })
    tellOnFailure({ scraping })
    await using pipeline = await startPushPipeline(path)
    const { prometheus: pushed, collector } = pipeline

    const bitcoind = install('bitcoind')
    await using node = await startNode(bitcoind, path())
    await using _agent = await startAgentProcess({
      ports: false,
      args: ['--bitcoind', bitcoind, '--port', `${port}`, '--health-port', '0', '--peer-label', '100', '--otlp-interval', '1'],
      env: {
        FIBRE_METRICS_AUTH_USERNAME: 'fibre',
        FIBRE_METRICS_AUTH_PASSWORD_FILE: path('password'),
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_RESOURCE_ATTRIBUTES: `service.instance.id=${target}`,
      },
    })
    await attached(node)
    const fired = new FiredCounts()
    for (const command of ['blocks 100', 'events 4000 2000', 'blocks 20'] as const) fired.add(await node.command(command))
    for (const kind of ['null-text', 'onion-peer']) await node.command(`odd ${kind}`)
    const settled = (Date.now() + JUDGED_MS) / 1000
    for (const prometheus of [scraping, pushed])
      await prometheus.until(`timestamp(fibre_exporter_up) > ${settled}`, 'the last values', 30_000)

    const all = `{__name__=~".+", __name__!~"${ofScraping}|${ofRules}"}`
    const scrapedSamples = (await scraping.query(all)).map(withoutServiceLabels)
    const pushedSamples = await pushed.query(all)
    expect(differences(scrapedSamples, pushedSamples)).toEqual([])
    expect(await pushed.series(`{__name__=~"${ofScraping}"}`)).toEqual([])
    expect(pushedSamples.length).toBeGreaterThan(300)
    // Each odd kind is one event of each of FIBRE's tracepoints and of validation's; there were no messages.
    const expected = Object.entries(fired.expected).map(([type, count]) => [type, count === 0 ? 0 : count + 2])
    expect(eventsIn(pushedSamples)).toEqual(Object.fromEntries(expected))
  },
)

it('pushes the zeros of a node when it appears, so that its first block counts for increase()', async (context) => {
  requireBpf(context)
  const { path, install } = stage()
  const receiver = await startOtlpReceiver()
  const bitcoind = install('bitcoind')
  await using node = await startNode(bitcoind, path())
  await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--otlp-endpoint', receiver.url, '--otlp-interval', '60'] })
  await attached(node)
  await until(() => receiver.pushes.length > 0, 'a first push')
  await node.command('blocks 3')
  agent.kill()
  await agent.exited
  const blocks = receiver.pushes.map((push) => push.get(seriesKey('bitcoin_blocks_connected_total', { node: 'localhost' })))
  expect(blocks).toEqual([0, 3])
})

/** Those that `job` and `instance` are made of, which pushing leaves out. */
function withoutServiceLabels(sample: InstantSample): InstantSample {
  if (sample.labels.__name__ !== 'target_info') return sample
  const { service_name, service_instance_id, ...labels } = sample.labels
  expect({ service_name, service_instance_id }).toEqual({ service_name: labels.job, service_instance_id: labels.instance })
  return { ...sample, labels }
}

/** Series that only one has, and those whose values are not the same. */
function differences(scraped: readonly InstantSample[], pushed: readonly InstantSample[]): readonly string[] {
  const [left, right] = [bySeries(scraped), bySeries(pushed)]
  return [...new Set([...left.keys(), ...right.keys()])]
    .filter((series) => !areEqual(left.get(series), right.get(series)))
    .map((series) => `${series}: scraped ${left.get(series)}, pushed ${right.get(series)}`)
}

function bySeries(samples: readonly InstantSample[]): ReadonlyMap<string, number | 'is there'> {
  return new Map(
    samples.map(({ labels: { __name__ = '', ...labels }, value }) => [
      `${__name__} ${JSON.stringify(Object.entries(labels).sort())}`,
      ofTheMoment.test(__name__) ? 'is there' : value,
    ]),
  )
}

/** Each reader adds up a histogram's seconds in its own steps, and so has its own last digits. */
function areEqual(one: unknown, other: unknown): boolean {
  return one === other || (typeof one === 'number' && typeof other === 'number' && Math.abs(one - other) <= 1e-9 * Math.abs(one))
}

function eventsIn(samples: readonly InstantSample[]) {
  const processed = samples.filter(({ labels }) => labels.__name__ === 'fibre_exporter_events_processed_total')
  return Object.fromEntries(
    processed.filter(({ labels }) => labels.event_type !== 'unknown').map(({ labels, value }) => [labels.event_type, value]),
  )
}
