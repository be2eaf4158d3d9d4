import { once } from 'node:events'
import { existsSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { serve } from './serve.ts'

const routes = { '/metrics': () => ({ status: 200, body: 'up 1\n' }), '/health': () => ({ status: 200, body: 'OK' }) }
const host = '127.0.0.1'

async function ask(socketPath: string, path = '/metrics', headers = {}) {
  const [response] = await once(get({ socketPath, path, agent: false, headers }), 'response')
  return { status: response.statusCode, body: await text(response) }
}

describe('several addresses', () => {
  it('are all served, with the same users and counts, until the server closes', async () => {
    const path = join(temporaryDirectory(), 'a.sock')
    const addresses = [
      { host, port: 0 },
      { host: '127.0.0.2', port: 0 },
      { path, mode: 0o600 },
    ]
    const server = await serve({ addresses, routes, credentials: { username: 'ann', password: 'right' } })
    expect(server.urls).toEqual([`http://127.0.0.1:${server.ports[0]}`, `http://127.0.0.2:${server.ports[1]}`, `unix:${path}`])
    expect(server.logged.map(({ url }) => url)).toEqual(server.urls)
    const headers = { Authorization: `Basic ${btoa('ann:right')}` }
    for (const url of server.urls.slice(0, 2)) {
      expect((await fetch(`${url}/metrics`)).status).toBe(401)
      expect((await fetch(`${url}/metrics`, { headers })).status).toBe(200)
      await fetch(`${url}/metrics`, { headers: { Authorization: `Basic ${btoa('ann:wrong')}` } })
    }
    expect([(await ask(path)).status, (await ask(path, '/metrics', headers)).status]).toEqual([401, 200])
    expect(server.wrongPasswords).toBe(2)
    await server.close()
    expect(existsSync(path)).toBe(false)
    await expect(fetch(`${server.urls[1]}/metrics`)).rejects.toThrow()
  })

  it('are served all or none', async () => {
    const taken = await serve({ routes })
    const path = join(temporaryDirectory(), 'a.sock')
    await expect(
      serve({
        addresses: [
          { path, mode: 0o600 },
          { host, port: taken.port },
        ],
        routes,
      }),
    ).rejects.toThrow('port in use')
    expect(existsSync(path)).toBe(false)
  })

  it('share the most connections', async () => {
    const path = join(temporaryDirectory(), 'a.sock')
    const { port } = await serve({
      addresses: [
        { host, port: 0 },
        { path, mode: 0o600 },
      ],
      maxConnections: 1,
      routes,
    })
    const [response] = await once(get({ port, host, path: '/metrics', agent: false, headers: { Connection: 'keep-alive' } }), 'response')
    const { socket } = response
    const closed = once(socket, 'close')
    response.resume()
    expect((await ask(path)).status).toBe(200)
    await closed
  })
})

describe('a unix socket', () => {
  it.each([0o600, 0o660, 0o666])('has the mode that is wanted: %o', async (mode) => {
    const path = join(temporaryDirectory(), 'a.sock')
    await serve({ addresses: [{ path, mode }], routes })
    expect(statSync(path).mode & 0o777).toBe(mode)
    expect(await ask(path)).toEqual({ status: 200, body: 'up 1\n' })
  })

  it('that a dead process left behind is replaced', async () => {
    const path = join(temporaryDirectory(), 'a.sock')
    await leaveBehind(path)
    await serve({ addresses: [{ path, mode: 0o600 }], routes })
    expect((await ask(path)).status).toBe(200)
  })

  it('of a process that lives is not', async () => {
    const path = join(temporaryDirectory(), 'a.sock')
    await serve({ addresses: [{ path, mode: 0o600 }], routes })
    await expect(serve({ addresses: [{ path, mode: 0o600 }], routes: {} })).rejects.toThrow(
      `cannot listen on ${path}: another process listens there; name another path`,
    )
    expect((await ask(path)).status).toBe(200)
  })

  it.each([
    ['a file is', (path: string) => writeFileSync(path, 'kept'), 'there is something that is no socket; remove it, or name another path'],
    ['a folder is', (path: string) => mkdirSync(path), 'there is something that is no socket'],
  ])('takes no place where %s', async (_, make, problem) => {
    const path = join(temporaryDirectory(), 'a.sock')
    make(path)
    await expect(serve({ addresses: [{ path, mode: 0o600 }], routes })).rejects.toThrow(problem)
    expect(existsSync(path)).toBe(true)
  })

  it('says so where its folder does not exist', async () => {
    await expect(serve({ addresses: [{ path: '/no/folder/a.sock', mode: 0o600 }] })).rejects.toThrow('its folder does not exist')
  })

  it('asks for no password on the paths that are open', async () => {
    const path = join(temporaryDirectory(), 'a.sock')
    const credentials = { username: 'ann', password: 'right' }
    await serve({ addresses: [{ path, mode: 0o600 }], routes, credentials, openPaths: ['/health'] })
    const statuses = ['/health', '/health?x', '/metrics', '/healthy', '/health/'].map(async (asked) => (await ask(path, asked)).status)
    expect(await Promise.all(statuses)).toEqual([200, 200, 401, 401, 401])
    expect((await ask(path, '/health', { Host: 'evil.example' })).status).toBe(421)
  })
})

/** Leaves a socket behind that nobody listens on. */
async function leaveBehind(path: string): Promise<void> {
  const server = createServer()
  const other = `${path}.other`
  server.listen(other)
  await once(server, 'listening')
  linkSync(other, path) // closing the server removes but the name that it knows
  server.close()
  await once(server, 'close')
}
