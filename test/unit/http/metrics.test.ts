import { expect, it } from 'vitest'
import { metricsRoute } from '../../../agent/http/metrics.ts'
import { exchange } from '../../harness/connections.ts'
import { until } from '../../harness/until.ts'
import { serve } from './serve.ts'

const page = '# TYPE fibre_blocks_sent_total counter\nfibre_blocks_sent_total{node="é"} 7\n'.repeat(500)
const serveMetrics = (collect: () => Promise<string> = async () => page) => serve({ routes: { '/metrics': metricsRoute(collect) } })
const get = (port: number, headers: string) =>
  exchange(port, `GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`)

it('serves the Prometheus text format by its full content type', async () => {
  const { url } = await serveMetrics()
  const response = await fetch(`${url}/metrics?collect[]=all`)
  expect(response.status).toBe(200)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  expect(await response.text()).toBe(page)
})

it.each([
  ['gzip', true],
  ['GZIP;Q=0.5', true],
  ['deflate, gzip;q=1.0, *;q=0.5', true],
  ['gzip;q=0.5, identity;q=0.5', true],
  ['br, deflate', false],
  ['gzip;q=0', false],
  ['gzip; q=0.000, *', false],
  ['gzip;q=nonsense', false],
  ['identity, gzip;q=0.5', false],
  ['', false],
])('with "Accept-Encoding: %s" compresses: %s', async (accepted, compressed) => {
  const { url } = await serveMetrics()
  const response = await fetch(`${url}/metrics`, { headers: { 'Accept-Encoding': accepted } })
  expect(response.headers.get('content-encoding')).toBe(compressed ? 'gzip' : null)
  expect(Number(response.headers.get('content-length')) < page.length / 10).toBe(compressed)
  expect(await response.text()).toBe(page)
})

it('sends plain text to a client that says nothing of compression', async () => {
  const { port } = await serveMetrics()
  expect(await get(port, '')).toMatch(/\r\n\r\n# TYPE fibre_blocks_sent_total counter\n/)
})

it('answers HEAD with the headers of GET and no body', async () => {
  const { port } = await serveMetrics()
  const answer = await exchange(port, 'HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
  expect(answer).toContain(`Content-Length: ${Buffer.byteLength(page)}\r\n`)
  expect(answer).toMatch(/\r\n\r\n$/)
})

it('answers 500 without details while collecting fails, and logs the first failure and the recovery', async () => {
  let fails = true
  const { url, logged } = await serveMetrics(async () => {
    if (fails) throw new Error('reader timed out')
    return page
  })
  for (let scrape = 0; scrape < 3; scrape++) {
    const response = await fetch(`${url}/metrics`)
    expect(response.status).toBe(500)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await response.text()).toBe("Cannot answer /metrics: the agent's log says why.\n")
  }
  fails = false
  for (let scrape = 0; scrape < 2; scrape++) expect((await fetch(`${url}/metrics`)).status).toBe(200)
  expect(logged.slice(1).map(({ msg, path }) => [msg, path])).toEqual([
    ['cannot answer', '/metrics'],
    ['answering again', '/metrics'],
  ])
  expect(logged[1]).toMatchObject({ err: { message: 'reader timed out' } })
})

it('collects once for scrapes that come together, and anew for the next', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  let collections = 0
  const metrics = metricsRoute(async () => {
    collections++
    await released
    return `collection ${collections}\n`
  })
  let scrapes = 0
  const { port } = await serve({
    routes: {
      '/metrics': (request) => {
        scrapes++
        return metrics(request)
      },
    },
  })
  const together = Array.from({ length: 6 }, () => get(port, ''))
  await until(() => scrapes === 6, 'all scrapes to be under way')
  release()
  for (const answer of await Promise.all(together)) expect(answer).toMatch(/collection 1\n$/)
  expect(await get(port, '')).toMatch(/collection 2\n$/)
})
