import { once } from 'node:events'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, it } from 'vitest'
import { exchange, openConnection } from '../../harness/connections.ts'
import { need } from '../../harness/needs.ts'
import { until } from '../../harness/until.ts'
import { serve } from './serve.ts'

const routes = { '/metrics': () => ({ status: 200, body: 'up 1\n' }) }
const request = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'
const lastRequest = 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

describe('routes and methods', () => {
  it.each([
    ['GET', '/metrics', 200],
    ['GET', '/metrics?name[]=x', 200],
    ['HEAD', '/metrics', 200],
    ['POST', '/metrics', 405],
    ['DELETE', '/metrics', 405],
    ['OPTIONS', '/metrics', 405],
    ['QUERY', '/metrics', 405],
    ['GET', '/metrics/', 404],
    ['GET', '/Metrics', 404],
    ['GET', '/', 404],
    ['POST', '/', 404],
    ['GET', '//', 404],
    ['GET', '/../etc/passwd', 404],
    ['GET', '/constructor', 404],
    ['GET', 'http://proxy.example/metrics', 200],
    ['OPTIONS', '*', 404],
  ])('%s %s is answered %i', async (method, path, status) => {
    const { port } = await serve({ routes })
    expect(await exchange(port, `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} `),
    )
  })

  it('answers 404 in plain text, and names the methods that it takes', async () => {
    const { url } = await serve({ routes })
    const missing = await fetch(`${url}/elsewhere`)
    expect([missing.headers.get('content-type'), await missing.text()]).toEqual(['text/plain; charset=utf-8', 'Not Found'])
    expect((await fetch(`${url}/metrics`, { method: 'PUT', body: 'x' })).headers.get('allow')).toBe('GET, HEAD')
  })

  it('keeps the connection, and drops a body that nobody asked for', async () => {
    const { port } = await serve({ routes })
    const withBody = `GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000_000)}`
    const answers = await exchange(port, withBody + request + lastRequest)
    expect(answers.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(3)
  })
})

describe('bad input', () => {
  it.each([
    ['garbage', 'garbage\r\n\r\n', 400],
    ['random bytes', Buffer.from('00ff1603010200010001fc0303deadbeef0d0a0d0a', 'hex'), 400],
    ['a TLS handshake on a plain port', Buffer.from('16030100c8010000c40303', 'hex'), 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['no host', 'GET /metrics HTTP/1.1\r\n\r\n', 400],
    ['two lengths', 'GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['a header of 100 kB', `GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
    ['a path of 100 kB', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
    ['10,000 headers', `GET /metrics HTTP/1.1\r\nHost: localhost\r\n${'X: y\r\n'.repeat(10_000)}\r\n`, 431],
  ])('%s gets a proper refusal, and the server goes on', async (_, bytes, status) => {
    const { url, port } = await serve({ routes })
    const answer = await exchange(port, bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [A-Z][^\r]+\r\n`))
    expect(answer).toContain('\r\nConnection: close\r\n')
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
  })

  it('goes on when a client resets its connection', async () => {
    const { url, port } = await serve({ routes })
    const socket = await openConnection(port)
    socket.write('GET /met')
    socket.resetAndDestroy()
    await once(socket, 'close')
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
  })
})

describe('many and slow clients', () => {
  it('scrapes go on undisturbed beside 500 idle connections', async () => {
    const { port } = await serve({ routes })
    const before = await medianScrapeMs(port)
    await openIdle(port, 500)
    expect(await medianScrapeMs(port)).toBeLessThan(5 * before + 5)
  })

  it('lets the oldest connection give way to a new one when there are too many', async () => {
    const { port } = await serve({ routes })
    const [oldest] = await openIdle(port, 1)
    const others = await openIdle(port, 749)
    expect(await exchange(port, lastRequest)).toMatch(/^HTTP\/1\.1 200 /)
    await until(() => oldest?.closed === true, 'the oldest connection to end')
    expect(others.filter(({ closed }) => closed)).toEqual([])
  })

  it('a client that never reads its answers delays nobody', async () => {
    const large = { status: 200, body: 'x'.repeat(8_000_000) }
    const { url, port } = await serve({ routes: { '/metrics': () => large, '/small': () => ({ status: 200, body: 'small' }) } })
    for (let client = 0; client < 10; client++) (await openConnection(port)).write(request)
    const start = performance.now()
    for (let scrape = 0; scrape < 20; scrape++) expect((await fetch(`${url}/small`)).status).toBe(200)
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})

describe('close', () => {
  it('ends every connection and itself within a second', async () => {
    const hanging = { '/hangs': () => new Promise<never>(() => {}) }
    const { port, close } = await serve({ routes: { ...routes, ...hanging } })
    const clients = [...(await openIdle(port, 9)), await hold(port, 'GET /hangs HTTP/1.1\r\nHost: localhost\r\n\r\n')]
    const start = performance.now()
    await Promise.all([close(), close(), ...clients.map((client) => once(client, 'close'))])
    expect(performance.now() - start).toBeLessThan(900)
    await expect(openConnection(port)).rejects.toThrow('ECONNREFUSED')
  })

  it('waits for nothing when connections are only kept', async () => {
    const { port, close } = await serve({ routes })
    await keep(port)
    const start = performance.now()
    await close()
    expect(performance.now() - start).toBeLessThan(200)
  })

  it('lets an answer under way be finished, and is done with it', async () => {
    const asked = Promise.withResolvers<void>()
    const { promise: body, resolve: finish } = Promise.withResolvers<string>()
    const slow = async () => {
      asked.resolve()
      return { status: 200, body: await body }
    }
    const { url, close } = await serve({ routes: { '/': slow } })
    const answer = fetch(url)
    await asked.promise
    const start = performance.now()
    const closed = close()
    finish('finished')
    expect(await (await answer).text()).toBe('finished')
    await closed
    expect(performance.now() - start).toBeLessThan(200)
  })
})

describe('listening', () => {
  it('names address, port, server and remedy when the port is in use', async () => {
    const { port } = await serve({ routes })
    await expect(serve({ addresses: [{ host: '127.0.0.1', port }] })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port} for metrics: port in use; choose another with --port`,
    )
    await expect(serve({ addresses: [{ host: '127.0.0.1', port }], name: 'health' })).rejects.toThrow(
      'for health: port in use; choose another with --health-port',
    )
  })

  it('says so when the machine has no such address', async () => {
    await expect(serve({ addresses: [{ host: '192.0.2.1', port: 9435 }] })).rejects.toThrow(
      'cannot listen on 192.0.2.1:9435 for metrics: this machine has no such address; choose another with --listen-address',
    )
  })

  it('listens on IPv6 and writes its address as URLs do', async (context) => {
    const addresses = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
    need(
      context,
      addresses.some(({ address }) => address === '::1'),
      'this machine has no IPv6',
    )
    const { url, port } = await serve({ addresses: [{ host: '::1', port: 0 }], routes })
    expect(url).toBe(`http://[::1]:${port}`)
    expect((await fetch(`${url}/metrics`)).status).toBe(200)
  })

  it('logs where it listens, and never the password', async () => {
    const { url, logged } = await serve({ routes, credentials: { username: 'user', password: 'hunter2' } })
    expect(logged).toMatchObject([{ server: 'metrics', url, authentication: true, msg: 'listening' }])
    expect(JSON.stringify(logged)).not.toContain('hunter2')
  })
})

/** Opens a connection, sends what is given and reads on. */
async function hold(port: number, bytes: string): Promise<Socket> {
  const socket = (await openConnection(port)).resume()
  socket.write(bytes)
  return socket
}

/** Leaves a connection open after one request, as scrapers do. */
async function keep(port: number): Promise<Socket> {
  const socket = await hold(port, request)
  await once(socket, 'data')
  return socket
}

/** Opens idle connections: by turns silent, stuck in a request, and kept after one. */
async function openIdle(port: number, count: number): Promise<Socket[]> {
  const kinds = [() => hold(port, ''), () => hold(port, 'GET /met'), () => keep(port)]
  const sockets: Socket[] = []
  while (sockets.length < count) sockets.push(...(await Promise.all(kinds.slice(0, count - sockets.length).map((openOne) => openOne()))))
  return sockets
}

async function medianScrapeMs(port: number): Promise<number> {
  const times: number[] = []
  for (let scrape = 0; scrape < 51; scrape++) {
    const start = performance.now()
    expect(await exchange(port, lastRequest)).toMatch(/^HTTP\/1\.1 200 /)
    times.push(performance.now() - start)
  }
  return times.sort((one, other) => one - other)[25] ?? Number.NaN
}
