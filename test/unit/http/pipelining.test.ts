import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { exchange, openConnection } from '../../harness/connections.ts'
import { until } from '../../harness/until.ts'
import { serve } from './serve.ts'

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`
const last = (path: string) => get(path, 'Connection: close\r\n')

/** A server whose answer to each path is the path, given when the test says so. */
async function serveHeld() {
  const started: string[] = []
  const gates: (() => void)[] = []
  const route = (path: string) => async () => {
    started.push(path)
    await new Promise<void>((resolve) => gates.push(resolve))
    return { status: 200, body: path }
  }
  const { port } = await serve({ routes: Object.fromEntries(['/1', '/2', '/3'].map((path) => [path, route(path)])) })
  return { port, started, finishOne: () => gates.shift()?.() }
}

it('starts a request when the one before it has its answer, and answers in order', async () => {
  const { port, started, finishOne } = await serveHeld()
  const answers = exchange(port, get('/1') + get('/2') + last('/3'))
  for (const paths of [['/1'], ['/1', '/2'], ['/1', '/2', '/3']]) {
    await until(() => started.length >= paths.length, 'the next request')
    await setTimeout(50) // what would start at once, had its time
    expect(started).toEqual(paths)
    finishOne()
  }
  expect((await answers).match(/^\/\d/gm)).toEqual(['/1', '/2', '/3'])
})

it('takes 60 KB of requests without one of other clients waiting for them', async () => {
  let started = 0
  const { port } = await serve({
    routes: { '/': () => ({ status: 200, body: String(++started) }), '/other': () => ({ status: 200, body: '' }) },
  })
  const attacker = (await openConnection(port)).resume()
  attacker.write(get('/').repeat(1_500))
  await until(() => started > 0, 'the first')
  for (let scrape = 0; scrape < 10; scrape++) expect(await exchange(port, last('/other'))).toMatch(/^HTTP\/1\.1 200 /)
  expect(started).toBeLessThan(150)
})

it('reads requests that come in pieces, with bodies that look like requests', async () => {
  const { port } = await serve({ routes: { '/': () => ({ status: 200, body: 'one' }), '/2': () => ({ status: 200, body: 'two' }) } })
  const body = get('/2').repeat(3)
  const bytes = get('/', `Content-Length: ${body.length}\r\n`) + body + last('/')
  const socket = await openConnection(port)
  let answers = ''
  socket.on('data', (data) => {
    answers += data
  })
  for (const byte of bytes) socket.write(byte)
  await once(socket, 'end')
  expect(answers.match(/(one|two)$|(one|two)(?=HTTP)/gm)).toEqual(['one', 'one'])
})

it('lets the answer that its client has not read for longest give way when there are too many bytes of them', async () => {
  const large = { status: 200, body: 'x'.repeat(8_000_000) }
  const { port } = await serve({ routes: { '/': () => large } })
  const clients = []
  for (let client = 0; client < 20; client++) {
    const socket = await openConnection(port)
    socket.pause().write(get('/'))
    clients.push(socket)
  }
  const isReset = clients.map(() => false)
  for (const [index, socket] of clients.entries()) socket.once('close', () => (isReset[index] = true))
  // Only what is read ends: the kernel keeps some megabytes for each.
  for (const socket of clients.slice(0, 10)) socket.resume()
  await until(() => isReset.slice(0, 10).every(Boolean), 'the older ones to end')
  expect(isReset.at(-1)).toBe(false)
})
