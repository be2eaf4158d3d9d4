import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { emptyResource } from '@opentelemetry/resources'
import { describe, expect, it, onTestFinished } from 'vitest'
import { metricBuilders, observed } from '../../../agent/metrics/definition.ts'
import { createOtlpExporter, type OtlpOptions } from '../../../agent/metrics/otel/otlp.ts'
import { longestPushMs } from '../../../agent/settings/check.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { seriesKey, startOtlpReceiver } from '../../harness/otlp.ts'
import { until } from '../../harness/until.ts'
import { connected, eventOf, FIBRE, timesAre, winnerIs } from '../blocks/events.ts'
import { openPage } from './page.ts'

/** Longer than any test: nothing is pushed but at the end. */
const NEVER = 600_000

/** A page that is pushed as well, and what is logged of that. */
async function openPushing(url: string, intervalMs: number, more: Partial<OtlpOptions> = {}) {
  const { log, lines } = captureLog()
  const page = await openPage({
    log,
    push: { url, protocol: 'http/json', shownAs: 'the endpoint', intervalMs, timeoutMs: longestPushMs(intervalMs), ...more },
  })
  onTestFinished(() => page.telemetry.close(0))
  return { ...page, lines, exports: page.telemetry.exports, messages: () => lines.map(({ msg }) => msg) }
}

async function listen(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close().closeAllConnections())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`
}

async function millisecondsOf(work: Promise<void>): Promise<number> {
  const start = performance.now()
  await work
  return performance.now() - start
}

it('counts pushes that went well and that failed, and logs each change once', { timeout: 30_000 }, async () => {
  let status = 200
  const url = await listen((request, response) => request.resume().on('end', () => response.writeHead(status).end('{}')))
  const { exports, messages, lines } = await openPushing(url, 1_000)
  await until(() => exports.successes >= 1, 'a push')
  status = 500
  await until(() => exports.failures >= 2, 'two failures')
  status = 200
  const before = exports.successes
  await until(() => exports.successes > before, 'another push')
  expect(messages()).toEqual(['pushing metrics', 'cannot push metrics; trying again at each interval', 'pushing metrics'])
  expect(lines.map((line) => line.url)).toEqual(['the endpoint', 'the endpoint', 'the endpoint'])
  expect(lines[1]?.reason).toContain('500')
})

it('pushes nothing when a part of it cannot be collected, and tells it in the log', async () => {
  const received: string[] = []
  const url = await listen(async (request, response) => {
    received.push(await text(request))
    response.end('{}')
  })
  const { telemetry, exports, messages } = await openPushing(url, 100)
  let isBroken = true
  let readings = 0
  const fragile = metricBuilders<undefined>().gauge('fragile', { help: 'Fragile', measure: () => 1 })
  telemetry.instruments.observe([observed([fragile], () => [{ subjects: [undefined] }])], async () => {
    readings++
    if (isBroken) throw new Error('no such file')
  })
  await until(() => readings >= 3, 'three readings')
  expect(messages()).toContain('PeriodicExportingMetricReader: metrics collection errors')
  expect(exports.successes).toBe(0)
  isBroken = false
  await until(() => exports.successes >= 1, 'a push')
  for (const body of received) expect(body).toContain('"fragile"')
})

it('says why when nothing listens', async () => {
  const { exports, lines, messages } = await openPushing('http://127.0.0.1:1/v1/metrics', 100)
  await until(() => exports.failures >= 3, 'three failures')
  expect(exports.successes).toBe(0)
  expect(messages()).toEqual(['cannot push metrics; trying again at each interval'])
  expect(lines[0]?.reason).toMatch(/ECONNREFUSED/)
})

it('gives up a push that is not answered, and says so once', async () => {
  const { exports, messages } = await openPushing(await listen(() => {}), 500)
  await until(() => exports.failures >= 2, 'two failures')
  expect(messages().filter((message) => message.startsWith('cannot push'))).toHaveLength(1)
})

it('gives a push that is tried again no more time than one that is not, and cuts it off', { timeout: 30_000 }, async () => {
  const connections = { ended: 0 }
  let requests = 0
  const url = await listen((request, response) => {
    if (++requests % 2 === 1) return void response.writeHead(503, { 'Retry-After': '1' }).end()
    request.resume().socket.once('close', () => connections.ended++)
  })
  const { exports, lines } = await openPushing(url, 1_200)
  await until(() => exports.failures >= 2, 'two failures')
  expect(connections.ended).toBeGreaterThanOrEqual(1)
  expect(lines.map(({ msg, reason }) => [msg, reason])).toEqual([
    ['cannot push metrics; trying again at each interval', 'no answer within 1.08 s'],
  ])
})

it('tries no push again that was cut off', async () => {
  let requests = 0
  const url = await listen((_, response) => {
    if (++requests > 1) return void response.end('{}')
    cutOff()
    response.writeHead(503).end()
  })
  const { exporter, cutOff } = createOtlpExporter({ url, protocol: 'http/json', timeoutMillis: 10_000 }, () => {})
  const exportNothing = () => new Promise((resolve) => exporter.export({ resource: emptyResource(), scopeMetrics: [] }, resolve))
  expect(await exportNothing()).toMatchObject({ code: 1 })
  expect(requests).toBe(1)
  expect(await exportNothing()).toMatchObject({ code: 0 })
  expect(requests).toBe(2)
})

it('pushes the last values when it closes', async () => {
  const { url, pushes } = await startOtlpReceiver()
  const { hit, telemetry, exports } = await openPushing(url, NEVER)
  hit(connected('a'))
  await telemetry.close(5_000)
  expect(pushes).toHaveLength(1)
  expect(pushes[0]?.get(seriesKey('bitcoin_blocks_connected_total', { node: 'n' }))).toBe(1)
  expect(exports).toEqual({ successes: 1, failures: 0, rejectedPoints: 0 })
})

it('closes in time though the endpoint never answers', async () => {
  const { telemetry } = await openPushing(await listen(() => {}), NEVER)
  expect(await millisecondsOf(telemetry.close(300))).toBeLessThan(1_000)
})

it('closes in time though nothing listens', async () => {
  const { telemetry } = await openPushing('http://127.0.0.1:1/v1/metrics', NEVER)
  expect(await millisecondsOf(telemetry.close(300))).toBeLessThan(1_000)
})

it('pushes the same series with the same values as are scraped', async () => {
  const { url, pushes } = await startOtlpReceiver()
  const { hit, scrape, telemetry } = await openPushing(url, NEVER)
  const detail = eventOf('udp:block_reconstruction_detail', {
    blockHash: 'a',
    missingTransactions: 0,
    missingBytes: 2.5e6,
    mempoolTransactions: 3000,
  })
  hit(detail, connected('a'), winnerIs('a', FIBRE), timesAre('a', 91.7, 3.7))
  const scraped = (await scrape()).samples.filter(({ name }) => name !== 'target_info')
  await telemetry.close(5_000)
  const [pushed] = pushes
  expect(pushed?.size).toBe(scraped.length)
  for (const { name, labels, value } of scraped) expect(pushed?.get(seriesKey(name, labels)), seriesKey(name, labels)).toBe(value)
})

describe('an endpoint that takes a part', () => {
  /** ExportMetricsServiceResponse{partial_success{rejected_data_points: 17, error_message: "full\\nof old points"}}, by hand. */
  const message = 'full\nof old points'
  const inProtobuf = Buffer.concat([Buffer.from([0x0a, 4 + message.length, 0x08, 17, 0x12, message.length]), Buffer.from(message)])
  const inJson = JSON.stringify({ partialSuccess: { rejectedDataPoints: '17', errorMessage: message } })

  it.each([
    ['http/json', inJson, '{}'],
    ['http/protobuf', inProtobuf, ''],
    ['http/protobuf', inJson, '{}'],
  ] as const)('has what it rejected counted, and each change logged once (%s)', async (protocol, part, all) => {
    let body: string | Buffer = part
    const url = await listen((request, response) => request.resume().on('end', () => response.end(body)))
    const { exports, lines } = await openPushing(url, 100, { protocol })
    await until(() => exports.rejectedPoints >= 34, 'two parts')
    body = all
    const before = exports.successes + 1
    await until(() => exports.successes > before, 'two pushes that were taken')
    expect(exports).toMatchObject({ failures: 0, rejectedPoints: expect.any(Number) })
    expect(exports.rejectedPoints % 17).toBe(0)
    expect(lines.map(({ msg, rejected, reason }) => ({ msg, rejected, reason }))).toEqual([
      { msg: 'the endpoint does not take all metrics', rejected: 17, reason: 'full' },
      { msg: 'pushing metrics', rejected: undefined, reason: undefined },
    ])
  })

  it('may only have something to say', async () => {
    const url = await listen((_, response) => response.end('{"partialSuccess": {"errorMessage": "use deltas"}}'))
    const { exports, lines } = await openPushing(url, 100)
    await until(() => exports.successes >= 3, 'three pushes')
    expect(exports).toMatchObject({ failures: 0, rejectedPoints: 0 })
    expect(lines.map(({ reason }) => reason)).toEqual(['use deltas'])
  })
})

describe('an answer that is no OTLP', () => {
  const page = '\n <!doctype html>\u0007\u202e<title>Log in</title>\n<p>\n'
  it.each([
    ['http/json', page, '<!doctype html> <title>Log in</title>'],
    ['http/protobuf', page, '<!doctype html> <title>Log in</title>'],
    ['http/json', 'OK', 'OK'],
    ['http/protobuf', 'OK', 'OK'],
    ['http/json', '[]', '[]'],
    ['http/json', `"${'x'.repeat(10_000)}"`, `"${'x'.repeat(199)}…`],
  ] as const)('is a failure, which quotes its first line (%s)', async (protocol, body, quoted) => {
    const { exports, lines } = await openPushing(await listen((_, response) => response.end(body)), 100, { protocol })
    await until(() => exports.failures >= 3, 'three failures')
    expect(exports.successes).toBe(0)
    expect(lines.map(({ reason }) => reason)).toEqual([`the endpoint takes no OTLP, is its path right? It answered: ${quoted}`])
  })
})

it.each([
  ['{"code": 3, "message": "unsupported Content-Type\\nuse protobuf"}', 'Unsupported Media Type 415: unsupported Content-Type'],
  ['only protobuf here\nhelp: …', 'Unsupported Media Type 415: only protobuf here'],
  ['', 'Unsupported Media Type 415'],
])("has a refusal logged with the receiver's own words: %j", async (body, reason) => {
  const { exports, lines } = await openPushing(await listen((_, response) => response.writeHead(415).end(body)), 100)
  await until(() => exports.failures >= 1, 'a failure')
  expect(lines.map((line) => line.reason)).toEqual([reason])
})

describe('a proxy', () => {
  /** A proxy for plain HTTP: it is sent whole addresses. */
  async function startProxy() {
    const asked: string[] = []
    const url = await listen((request, response) => {
      asked.push(request.url ?? '')
      request.resume().on('end', () => response.end('{}'))
    })
    return { asked, variables: { HTTP_PROXY: new URL(url).origin, NO_PROXY: '.internal' } }
  }

  it('is gone through to other machines', async () => {
    const { asked, variables } = await startProxy()
    const { exports } = await openPushing('http://collector.example:4318/v1/metrics', 100, { proxy: variables })
    await until(() => exports.successes >= 2, 'two pushes')
    expect(asked[0]).toBe('http://collector.example:4318/v1/metrics')
  })

  it('is not gone through where NO_PROXY says so, nor to this machine', async () => {
    const { asked, variables } = await startProxy()
    const internal = await openPushing('http://collector.internal:4318/v1/metrics', 100, { proxy: variables })
    await until(() => internal.exports.failures >= 1, 'a failure')
    expect(internal.lines).toContainEqual(expect.objectContaining({ reason: expect.stringContaining('collector.internal') }))
    const { url } = await startOtlpReceiver()
    const here = await openPushing(`${url}/v1/metrics`, 100, { proxy: variables })
    await until(() => here.exports.successes >= 1, 'a push')
    expect(asked).toEqual([])
  })
})
