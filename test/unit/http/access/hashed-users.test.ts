import { hashSync } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { compareWithHash } from '../../../../agent/http/access/bcrypt/bcrypt.ts'
import { type Compare, HashQueue } from '../../../../agent/http/access/bcrypt/hash-queue.ts'
import { HashedUsers } from '../../../../agent/http/access/bcrypt/hashed-users.ts'
import { serve } from '../serve.ts'

const token = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
const routes = { '/metrics': () => ({ status: 200, body: 'up 1\n' }) }

/** Users whose "hash" of a password is `hash of` it, and every comparison that was made. */
function users(names: Readonly<Record<string, string>>, compare: Compare = async (password, hash) => hash === `hash of ${password}`) {
  const compared: string[] = []
  const queue = new HashQueue((password, hash) => {
    compared.push(`${password} with ${hash}`)
    return compare(password, hash)
  })
  const hashes = (of: Readonly<Record<string, string>>) =>
    new Map(Object.entries(of).map(([name, password]) => [name, `hash of ${password}`]))
  const made = new HashedUsers(hashes(names), queue)
  const replace = (others: Readonly<Record<string, string>>, previous = made) => new HashedUsers(hashes(others), queue, previous)
  const check = async (who: string, by = made, address = '10.0.0.1') => await by.check(token(who), address)
  return { compared, check, replace, made }
}

it('hashes a right password once, however often it is scraped with', async () => {
  const { check, compared } = users({ ann: 'one', bob: 'two' })
  for (let scrape = 0; scrape < 50; scrape++) expect(await check('ann:one')).toBe(true)
  expect(compared).toHaveLength(1)
  expect([await check('bob:two'), await check('bob:two')]).toEqual([true, true])
  expect(compared).toEqual(['one with hash of one', 'two with hash of two'])
})

it('hashes once for requests that come together', async () => {
  const { check, compared } = users({ ann: 'one' })
  expect(await Promise.all(Array.from({ length: 50 }, () => check('ann:one')))).toEqual(Array(50).fill(true))
  expect(compared).toHaveLength(1)
})

it('hashes for an unknown user as for a known one, and lets nobody in by that', async () => {
  const { check, compared } = users({ ann: 'one', bob: 'two' })
  for (const who of ['eve:one', 'eve:two', 'ann:two', 'bob:one', ':one', 'ann:', 'eve:one']) expect(await check(who)).toBe(false)
  expect(compared).toHaveLength(7)
  const ofEve = compared.filter((_, index) => [0, 1, 6].includes(index)).map((comparison) => comparison.split(' with ')[1])
  expect(new Set(ofEve).size).toBe(1) // the same time for the same name
})

it('asks what is no basic authentication for none', async () => {
  const { made, compared } = users({ ann: 'one' })
  for (const header of ['', 'Basic', 'Bearer x', token('ann')]) expect(made.check(header, '')).toBe(false)
  expect(compared).toEqual([])
})

it('keeps what it knows when users change, but not of a user who has gone or has another password', async () => {
  const { check, replace, compared } = users({ ann: 'one', bob: 'two', eve: 'three' })
  for (const who of ['ann:one', 'bob:two', 'eve:three']) await check(who)
  const later = replace({ ann: 'one', bob: 'new' })
  expect(await check('ann:one', later)).toBe(true)
  expect(compared).toHaveLength(3)
  expect([await check('bob:two', later), await check('bob:new', later), await check('eve:three', later)]).toEqual([false, true, false])
  expect(await check('bob:two', replace({ bob: 'two' }, later))).toBe(true)
})

describe('hashes wait', () => {
  /** Comparisons that end when they are told to. */
  function held() {
    const waiting: (() => void)[] = []
    const compare = () => new Promise<boolean>((resolve) => waiting.push(() => resolve(false)))
    return { compare, waiting }
  }

  it('for one another: one at a time', async () => {
    const { compare, waiting } = held()
    const { check } = users({ ann: 'one' }, compare)
    const checks = [check('ann:a'), check('ann:b'), check('ann:c')]
    for (let done = 0; done < 3; done++) {
      await new Promise(setImmediate)
      expect(waiting).toHaveLength(done + 1)
      waiting[done]?.()
    }
    expect(await Promise.all(checks)).toEqual([false, false, false])
  })

  it('four of an address, and of others as well', async () => {
    const { compare, waiting } = held()
    const { check, made } = users({ ann: 'one' }, compare)
    const checks = [0, 1, 2, 3].map((index) => check(`ann:${index}`, made, '10.0.0.1'))
    expect(await check('ann:4', made, '10.0.0.1')).toBe('busy')
    checks.push(check('ann:4', made, '10.0.0.2'))
    for (let done = 0; done < 5; done++) {
      await new Promise(setImmediate)
      waiting[done]?.()
    }
    expect(await Promise.all(checks)).toEqual(Array(5).fill(false))
  })

  it('64 in all; more are told to come back', async () => {
    const { compare, waiting } = held()
    const { check, made } = users({ ann: 'one' }, compare)
    const checks = Array.from({ length: 64 }, (_, index) => check(`ann:${index}`, made, `10.0.0.${index >> 2}`))
    expect(await check('ann:more', made, '10.0.1.1')).toBe('busy')
    for (let done = 0; done < 64; done++) {
      await new Promise(setImmediate)
      waiting[done]?.()
    }
    expect(await Promise.all(checks)).toEqual(Array(64).fill(false))
    const again = check('ann:more')
    await new Promise(setImmediate)
    waiting[64]?.()
    expect(await again).toBe(false)
  })

  it('and a fault of one is none of the next', async () => {
    let calls = 0
    const { check } = users({ ann: 'one' }, async () => {
      if (++calls === 1) throw new Error('out of memory')
      return true
    })
    const [first, second] = [check('ann:a'), check('ann:b')]
    await expect(first).rejects.toThrow('out of memory')
    expect(await second).toBe(true)
  })
})

describe('a server with hashed passwords', () => {
  // Of exporter-toolkit's documents; and made here, in each spelling.
  const hash = hashSync('pass:wörd', 4)

  it.each(['$2a$', '$2b$', '$2x$', '$2y$'])('compares by real bcrypt, on another thread: %s', async (prefix) => {
    const spelled = hash.replace('$2b$', prefix)
    const authenticator = new HashedUsers(new Map([['ann', spelled]]), new HashQueue(compareWithHash))
    const { url, logged } = await serve({ authenticator, routes })
    const status = async (who: string) => (await fetch(`${url}/metrics`, { headers: { Authorization: token(who) } })).status
    expect([await status('ann:pass:wörd'), await status('ann:other'), await status('eve:pass:wörd')]).toEqual([200, 401, 401])
    expect((await fetch(url)).status).toBe(401)
    expect(JSON.stringify(logged)).not.toMatch(/wörd|other|\$2/)
  })

  it.each([
    ['busy', async () => 'busy' as const, []],
    ['faulty', () => Promise.reject(new Error('no thread')), [{ count: 1, reason: 'no thread', msg: 'passwords cannot be checked' }]],
  ])('answers 503 to what it cannot check now, and logs a fault once: %s', async (_, check, lines) => {
    const { url, logged } = await serve({ authenticator: { check }, routes })
    for (let request = 0; request < 2; request++) {
      const response = await fetch(`${url}/metrics`, { headers: { Authorization: token('a:b') } })
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    }
    expect(logged.slice(1)).toMatchObject(lines)
  })
})
