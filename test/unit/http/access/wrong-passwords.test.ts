import { expect, it, vi } from 'vitest'
import { basicAuth } from '../../../../agent/http/access/basic-auth.ts'
import { serve } from '../serve.ts'

const credentials = { username: 'ann', password: 'right' }
const routes = { '/': () => ({ status: 200, body: 'page' }) }

async function serveGuarded() {
  const server = await serve({ routes, credentials })
  const ask = async (password: string) => {
    const start = performance.now()
    const { status } = await fetch(server.url, { headers: { Authorization: `Basic ${btoa(`ann:${password}`)}` } })
    return { status, ms: performance.now() - start }
  }
  return { server, ask }
}

it('delays answers to wrong passwords after ten in a row, and never one to a right one', async () => {
  const { ask } = await serveGuarded()
  const wrong = async () => (await ask('wrong')).ms >= 400
  for (let attempt = 0; attempt < 10; attempt++) expect((await ask('wrong')).status).toBe(401)
  const late = await Promise.all([wrong(), wrong(), ask('right')])
  expect(late.slice(0, 2)).toEqual([true, true])
  expect(late[2]).toMatchObject({ status: 200 })
  expect(late[2].ms).toBeLessThan(400)
  expect(await wrong()).toBe(false) // the right one ended the row
})

it('counts wrong passwords, and logs them at once and then once a minute', async () => {
  const { server, ask } = await serveGuarded()
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    for (let attempt = 0; attempt < 8; attempt++) await ask('wrong')
    await fetch(server.url) // a browser's first request
    expect(server.wrongPasswords).toBe(8)
    expect(server.logged.slice(1)).toMatchObject([{ level: 40, count: 1, address: '127.0.0.1', msg: 'wrong user name or password' }])
    vi.advanceTimersByTime(60_000)
    expect(server.logged.slice(2)).toMatchObject([{ count: 7 }])
    vi.advanceTimersByTime(600_000)
    expect(server.logged).toHaveLength(3)
    expect(JSON.stringify(server.logged)).not.toContain('wrong:')
  } finally {
    vi.useRealTimers()
  }
})

it('asks for another password as soon as it is told to', async () => {
  const { server, ask } = await serveGuarded()
  server.setTerms({ authenticator: basicAuth({ username: 'ann', password: 'new' }) })
  expect([(await ask('right')).status, (await ask('new')).status]).toEqual([401, 200])
})
