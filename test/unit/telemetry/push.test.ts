import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import pino from 'pino'
import { expect, it, onTestFinished } from 'vitest'
import { seriesKey, startOtlpReceiver } from '../../kernel/otlp.ts'
import { until } from '../../until.ts'
import { connected, eventOf, FIBRE, timesAre, winnerIs } from '../blocks/events.ts'
import { openPage } from './page.ts'

/** Longer than any test: nothing is pushed but at the end. */
const NEVER = 600_000

/** A page that is pushed as well, and what is logged of that. */
async function openPushing(url: string, intervalMs: number) {
  const lines: { msg: string; url?: string; reason?: string }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const page = await openPage({ log, push: { url, shownAs: 'the endpoint', intervalMs, timeoutMs: 10_000 } })
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

it('pushes the last values when it closes', async () => {
  const { url, pushes } = await startOtlpReceiver()
  const { hit, telemetry, exports } = await openPushing(url, NEVER)
  hit(connected('a'))
  await telemetry.close(5_000)
  expect(pushes).toHaveLength(1)
  expect(pushes[0]?.get(seriesKey('bitcoin_blocks_connected_total', { node: 'n' }))).toBe(1)
  expect(exports).toEqual({ successes: 1, failures: 0 })
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
