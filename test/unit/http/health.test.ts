import { expect, it } from 'vitest'
import { healthRoute, readyRoute } from '../../../agent/http/health.ts'
import { exchange } from '../../harness/connections.ts'
import { serve } from './serve.ts'

const reasons = ['no bitcoind is running; waiting for one', 'events have been waiting for 7 s']
let health: ReturnType<Parameters<typeof readyRoute>[0]>
const serveHealth = (now: typeof health) => {
  health = now
  return serve({ name: 'health', routes: { '/health': healthRoute('1.2.3'), '/ready': readyRoute(() => health, '1.2.3') } })
}
const json = { headers: { Accept: 'application/json' } }

it('answers a bare OK on both paths while all is well', async () => {
  const { url } = await serveHealth({ ready: true, reasons: [] })
  for (const path of ['/health', '/ready']) {
    const response = await fetch(url + path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(await response.text()).toBe('OK')
  }
})

it('is not ready, with a reason on each line, as long as something is wrong', async () => {
  const { url } = await serveHealth({ ready: false, reasons })
  const response = await fetch(`${url}/ready`)
  expect(response.status).toBe(503)
  expect(await response.text()).toBe(`${reasons[0]}\n${reasons[1]}\n`)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  health = { ready: true, reasons: [] }
  expect((await fetch(`${url}/ready`)).status).toBe(200)
})

it('answers the same in JSON to a client that asks for it', async () => {
  const { url } = await serveHealth({ ready: false, reasons })
  const ready = await fetch(`${url}/ready`, json)
  expect(ready.status).toBe(503)
  expect(ready.headers.get('content-type')).toBe('application/json')
  expect(await ready.json()).toEqual({ status: 'not ready', reasons, warnings: [], version: '1.2.3' })
  expect(await (await fetch(`${url}/health`, json)).json()).toEqual({ status: 'ok', reasons: [], version: '1.2.3' })
})

it('warns in JSON alone of what costs no readiness', async () => {
  const { url } = await serveHealth({ ready: true, reasons: [], warnings: ['two users'] })
  expect(await (await fetch(`${url}/ready`, json)).json()).toEqual({ status: 'ok', reasons: [], warnings: ['two users'], version: '1.2.3' })
  expect(await (await fetch(`${url}/ready`)).text()).toBe('OK')
})

it.each([
  ['application/json, text/plain, */*', 'application/json'],
  ['text/html, application/json;q=0.9', 'application/json'],
  ['text/plain, application/json;q=0.9', 'text/plain; charset=utf-8'],
  ['application/json;q=0', 'text/plain; charset=utf-8'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/plain; charset=utf-8'],
])('takes "Accept: %s" for %s', async (accept, type) => {
  const { url } = await serveHealth({ ready: true, reasons: [] })
  expect((await fetch(`${url}/ready`, { headers: { Accept: accept } })).headers.get('content-type')).toBe(type)
})

it('answers HEAD by status alone, and has nothing at its root', async () => {
  const { url, port } = await serveHealth({ ready: false, reasons })
  const [head, body] = (await exchange(port, 'HEAD /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')).split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 503 /)
  expect(body).toBe('')
  expect((await fetch(url)).status).toBe(404)
})
