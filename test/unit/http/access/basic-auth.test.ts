import { describe, expect, it } from 'vitest'
import { metricsRoute } from '../../../../agent/http/metrics.ts'
import { exchange } from '../../../harness/connections.ts'
import { serve } from '../serve.ts'

const credentials = { username: 'prométheus', password: 'pass:wörd ✓' }
const routes = { '/': () => ({ status: 200, body: 'page' }), '/metrics': metricsRoute(async () => 'up 1\n') }
const token = (text: string) => Buffer.from(text).toString('base64')
const right = token('prométheus:pass:wörd ✓')

describe('with credentials', () => {
  it.each([
    ['the right ones', `Basic ${right}`, 200],
    ['the scheme in lower case', `basic ${right}`, 200],
    ['the scheme in upper case', `BASIC ${right}`, 200],
    ['more than one space', `Basic   ${right} `, 200],
    ['letters decomposed', `Basic ${token('prométheus:pass:wörd ✓'.normalize('NFD'))}`, 200],
    ['nothing', undefined, 401],
    ['an empty header', '', 401],
    ['a wrong password', `Basic ${token('prométheus:pass:wörd')}`, 401],
    ['a longer password', `Basic ${token('prométheus:pass:wörd ✓ ')}`, 401],
    ['an empty password', `Basic ${token('prométheus:')}`, 401],
    ['a wrong user', `Basic ${token('prometheus:pass:wörd ✓')}`, 401],
    ['no user', `Basic ${token(':pass:wörd ✓')}`, 401],
    ['no colon', `Basic ${token('prométheus')}`, 401],
    ['Latin-1 bytes', `Basic ${Buffer.from('prométheus:pass:wörd', 'latin1').toString('base64')}`, 401],
    ['malformed base64', 'Basic %%%not-base64%%%', 401],
    ['bytes after the base64', `Basic ${right}, Basic ${right}`, 401],
    ['no token', 'Basic', 401],
    ['another scheme', `Bearer ${right}`, 401],
    ['the scheme run together with the token', `Basic${right}`, 401],
  ])('%s: %3$i', async (_, authorization, status) => {
    const { url } = await serve({ credentials, routes })
    const init = authorization === undefined ? {} : { headers: { Authorization: authorization } }
    expect((await fetch(`${url}/metrics`, init)).status).toBe(status)
  })

  it('asks for them on every path and method, in the words that clients know', async () => {
    const { url } = await serve({ credentials, routes })
    for (const [path, method] of [
      ['/metrics', 'GET'],
      ['/', 'GET'],
      ['/elsewhere', 'GET'],
      ['/metrics', 'POST'],
    ] as const) {
      const response = await fetch(url + path, { method })
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="FIBRE Metrics"/)
      expect(response.headers.get('content-type')).toMatch(/^text\/plain/)
      expect(await response.text()).toBe('Unauthorized')
    }
  })

  it('refuses a header of a megabyte and goes on serving', async () => {
    const { url, port } = await serve({ credentials, routes })
    const answer = await exchange(port, `GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${'A'.repeat(2 ** 20)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
    expect((await fetch(`${url}/metrics`, { headers: { Authorization: `Basic ${right}` } })).status).toBe(200)
  })
})

it('accepts a password that is empty of everything but colons', async () => {
  const { url } = await serve({ credentials: { username: 'a', password: '::' }, routes })
  expect((await fetch(`${url}/metrics`, { headers: { Authorization: `Basic ${token('a:::')}` } })).status).toBe(200)
  expect((await fetch(`${url}/metrics`, { headers: { Authorization: `Basic ${token('a::')}` } })).status).toBe(401)
})
