import { hostname } from 'node:os'
import { expect, it } from 'vitest'
import { exchange } from '../../../harness/connections.ts'
import { serve } from '../serve.ts'

const routes = { '/': () => ({ status: 200, body: 'page' }) }
const ask = async (port: number, host: string, more = '') =>
  Number((await exchange(port, `GET / HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`)).slice(9, 12))

it.each([
  '127.0.0.1',
  '127.0.0.1:9435',
  '192.0.2.7:80',
  '[::1]',
  '[::1]:9435',
  'localhost:9435',
  'LocalHost.',
  hostname(),
  `${hostname().toUpperCase()}:9435`,
  '',
])('serves what is asked for as "%s"', async (host) => {
  const { port } = await serve({ routes })
  expect(await ask(port, host)).toBe(200)
})

it.each([
  'rebound.example',
  'rebound.example:9435',
  '127.0.0.1.rebound.example',
  'localhost.rebound.example',
  `${hostname()}.rebound.example`,
  '127.0.0.1@rebound.example',
  '1.2.3',
  '[::1].rebound.example',
])('serves no web page that came from "%s"', async (host) => {
  const { port } = await serve({ routes })
  expect(await ask(port, host)).toBe(421)
})

it('serves other names that are allowed, and any if all are', async () => {
  const { port } = await serve({ routes, allowedHosts: ['Node1.example', 'node2'] })
  expect([await ask(port, 'node1.EXAMPLE:9435'), await ask(port, 'node2'), await ask(port, 'node3')]).toEqual([200, 200, 421])
  expect(await ask((await serve({ routes, allowedHosts: ['*'] })).port, 'node3')).toBe(200)
})

it('checks no host where there is a password', async () => {
  const { port } = await serve({ routes, credentials: { username: 'a', password: 'b' } })
  const right = `Authorization: Basic ${btoa('a:b')}\r\n`
  expect([await ask(port, 'node1.example'), await ask(port, 'node1.example', right)]).toEqual([401, 200])
})

it('logs refused names once, not as often as they come', async () => {
  const { port, logged } = await serve({ routes })
  for (let request = 0; request < 20; request++) await ask(port, 'node1.example')
  expect(logged.slice(1)).toMatchObject([{ level: 40, count: 1, host: 'node1.example' }])
})
