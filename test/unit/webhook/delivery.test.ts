import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { until } from '../../harness/until.ts'
import { type Answer, answers, hangs, startReceiver } from '../../harness/webhook-receiver.ts'
import { openLoggedWebhook } from './logged-webhook.ts'
import { slowAlert } from './slow-block.ts'

const FAILING = 'cannot deliver slow blocks; trying again for as long as it takes'
const DELIVERING = 'delivering slow blocks'
const OLD_HEADERS = 'cannot read the headers anew; going on with the old ones, and trying again'
const REFUSED = 'the webhook refuses slow blocks for good: they are lost'

describe('a slow block', () => {
  it('is posted as JSON, with what tells its repetitions', async () => {
    const receiver = await startReceiver()
    const { webhook, logged } = await openLoggedWebhook({ url: `${receiver.url}/hook/token?key=secret` })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    expect(receiver.received).toMatchObject([
      {
        method: 'POST',
        path: '/hook/token?key=secret',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'fibre-agent/1.2.3',
          'idempotency-key': receiver.received[0]?.payload.delivery_id,
          connection: 'close',
        },
        payload: slowAlert(1),
      },
    ])
    expect(receiver.received[0]?.headers.authorization).toBeUndefined()
    expect(webhook.state).toEqual({ delivered: 1, failed: 0, pending: 0, givenUp: 0, refused: 0, isFailing: false })
    expect(logged).toMatchObject([{ level: 30, webhook: receiver.url, msg: DELIVERING }])
    expect(JSON.stringify(logged)).not.toMatch(/token|secret/)
  })

  it('is posted once, however often it is offered', async () => {
    const receiver = await startReceiver()
    const { webhook } = await openLoggedWebhook({ url: receiver.url })
    webhook.offer(slowAlert(1))
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    webhook.offer(slowAlert(1, { reconstruction_ms: 70 }))
    webhook.offer(slowAlert(3))
    await until(() => webhook.state.delivered === 2, 'the other delivery')
    expect(receiver.numbers()).toEqual([1, 3])
  })

  it('waits for those before it', async () => {
    const first = Promise.withResolvers<void>()
    const receiver = await startReceiver((response) => void first.promise.then(() => response.end()))
    const { webhook } = await openLoggedWebhook({ url: receiver.url, deadlineMs: 10_000 })
    for (const number of [1, 2, 3]) webhook.offer(slowAlert(number))
    await until(() => receiver.received.length === 1, 'the first post')
    expect(webhook.state).toMatchObject({ delivered: 0, pending: 3 })
    first.resolve()
    await until(() => webhook.state.delivered === 3, 'all deliveries')
    expect(receiver.numbers()).toEqual([1, 2, 3])
  })

  it('is not waited for: offering 1,000 takes less than a second while the receiver hangs', async () => {
    const receiver = await startReceiver(hangs)
    const { webhook } = await openLoggedWebhook({ url: receiver.url })
    const start = performance.now()
    for (let number = 0; number < 1000; number++) webhook.offer(slowAlert(number))
    expect(performance.now() - start).toBeLessThan(1000)
    expect(webhook.state.pending).toBe(1000)
  })
})

describe('a user and password in the address', () => {
  const withCredentials = (url: string) => url.replace('//', '//us%40er:pass%3Aword@')
  const expected = `Basic ${Buffer.from('us@er:pass:word').toString('base64')}`

  it('are sent as Basic authorization and not logged', async () => {
    const receiver = await startReceiver()
    const { webhook, logged } = await openLoggedWebhook({ url: withCredentials(receiver.url) })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    expect(receiver.received[0]?.headers.authorization).toBe(expected)
    expect(JSON.stringify(logged)).not.toMatch(/us%40er|us@er|pass/)
  })

  it('go along with a redirect to the same origin, and to no other', async () => {
    const other = await startReceiver()
    const elsewhere = `${other.url.replace('//', '//its:own@')}/here`
    const receiver = await startReceiver((response, { path }) => answers(307, { Location: path === '/' ? '/moved' : elsewhere })(response))
    const { webhook } = await openLoggedWebhook({ url: withCredentials(receiver.url) })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    expect(receiver.received.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/', expected],
      ['/moved', expected],
    ])
    expect(other.received.map(({ path, headers }) => [path, headers.authorization])).toEqual([['/here', undefined]])
  })
})

describe('headers of the settings', () => {
  const SECRET = 'Bearer t0ken'
  const fileOf = (content: string) => {
    const path = join(temporaryDirectory(), 'headers')
    writeFileSync(path, content)
    return path
  }

  it('go to the address and its own redirects, to no other, and into no log', async () => {
    const other = await startReceiver()
    const receiver = await startReceiver((response, { path }) =>
      answers(307, { Location: path === '/' ? '/moved' : `${other.url}/here` })(response),
    )
    const { webhook, logged } = await openLoggedWebhook({ url: receiver.url, headers: { Authorization: SECRET, 'X-Scope': 'fibre' } })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    const sent = [...receiver.received, ...other.received].map(({ headers }) => [headers.authorization, headers['x-scope']])
    expect(sent).toEqual([
      [SECRET, 'fibre'],
      [SECRET, 'fibre'],
      [undefined, undefined],
    ])
    expect(JSON.stringify(logged)).not.toContain('t0ken')
  })

  it('are read anew from their file; the old ones stay where that fails', async () => {
    const receiver = await startReceiver()
    const headersFile = fileOf('Authorization: Bearer second\n')
    const { webhook, logged } = await openLoggedWebhook({ url: receiver.url, headers: { Authorization: SECRET }, headersFile })
    const deliver = async (number: number) => {
      webhook.offer(slowAlert(number))
      await until(() => webhook.state.delivered === number, 'the delivery')
    }
    await deliver(1)
    await webhook.reload()
    await deliver(2)
    writeFileSync(headersFile, 'Authorization Bearer third\n')
    await webhook.reload()
    await deliver(3)
    rmSync(headersFile)
    await webhook.reload()
    await deliver(4)
    expect(webhook.headersFault).toMatch(/^ENOENT/)
    expect(receiver.received.map(({ headers }) => headers.authorization)).toEqual([SECRET, ...Array(3).fill('Bearer second')])
    expect(logged.filter(({ level }) => level > 30)).toMatchObject([
      { file: headersFile, reason: 'must hold one "Name: value" a line, in ASCII', msg: OLD_HEADERS },
      { file: headersFile, reason: expect.stringMatching(/^ENOENT/), msg: OLD_HEADERS },
    ])
    expect(JSON.stringify(logged)).not.toMatch(/third|second|t0ken/)
  })
})

describe('a redirect', () => {
  it.each([301, 302, 307, 308])('with %i is followed by posting the same again', async (status) => {
    const receiver = await startReceiver((response, { path }) =>
      (path === '/new?a=b' ? answers(204) : answers(status, { Location: 'new?a=b' }))(response),
    )
    const { webhook } = await openLoggedWebhook({ url: `${receiver.url}/old` })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    const [first, second] = receiver.received
    expect(receiver.received.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /old', 'POST /new?a=b'])
    expect(second?.payload).toEqual(first?.payload)
    expect(second?.headers['idempotency-key']).toBe(first?.headers['idempotency-key'])
  })

  it.each([
    ['without an address', {}, 'redirected to what is no web address'],
    ['to no web address', { Location: 'file:///etc/passwd' }, 'redirected to what is no web address'],
    ['to nonsense', { Location: 'http://[' }, 'redirected to what is no web address'],
    ['in a circle', { Location: '/' }, 'redirected more than 5 times'],
  ])('%s is a failure', async (_, headers, reason) => {
    const receiver = await startReceiver(answers(302, headers))
    const { webhook, logged } = await openLoggedWebhook({ url: receiver.url })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.failed >= 2, 'two attempts')
    expect(logged).toMatchObject([{ reason, msg: FAILING }])
  })
})

describe('an answer', () => {
  it.each([
    [200, 1],
    [201, 1],
    [202, 1],
    [204, 1],
    [299, 1],
    [303, 0],
    [304, 0],
    [408, 0],
    [425, 0],
    [429, 0],
    [500, 0],
    [503, 0],
  ])('%i delivers %i', async (status, delivered) => {
    const receiver = await startReceiver(answers(status, { Location: '/elsewhere' }))
    const { webhook, logged } = await openLoggedWebhook({ url: receiver.url })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered + webhook.state.failed > 0, 'an outcome')
    expect(webhook.state).toMatchObject({ delivered, pending: 1 - delivered })
    expect(logged).toMatchObject([delivered ? { msg: DELIVERING } : { msg: FAILING, reason: `answered ${status}` }])
  })

  it.each([400, 401, 403, 404, 410, 413, 422, 499])(
    '%i is final: that block is lost, which is said and counted, and the next is tried',
    async (status) => {
      const receiver = await startReceiver((response, { payload }) =>
        payload.height === 1 ? response.writeHead(status).end('\n\u001b[31mno such channel\u0007: hooks/7\nat line 3\n') : response.end(),
      )
      const { webhook, logged } = await openLoggedWebhook({ url: receiver.url })
      for (const number of [1, 2]) webhook.offer(slowAlert(number, { height: number }))
      await until(() => webhook.state.delivered === 1, 'the next delivery')
      expect(receiver.numbers()).toEqual([1, 2])
      expect(webhook.state).toEqual({ delivered: 1, failed: 1, pending: 0, givenUp: 0, refused: 1, isFailing: false })
      const { delivery_id: deliveryId } = slowAlert(1)
      expect(logged).toMatchObject([
        { level: 50, msg: REFUSED, reason: `answered ${status}`, answer: '[31mno such channel: hooks/7', deliveryId, refused: 1 },
        { level: 30, msg: DELIVERING },
      ])
    },
  )

  it('that refuses many blocks is said once, and again when it is another', async () => {
    const receiver = await startReceiver((response, { payload }) =>
      response.writeHead(400).end(`${payload.height === 9 ? 'another' : 'the same'} ${'x'.repeat(5_000)}`),
    )
    const { webhook, logged } = await openLoggedWebhook({ url: receiver.url })
    for (let number = 0; number < 10; number++) webhook.offer(slowAlert(number, { height: number }))
    await until(() => webhook.state.refused === 10, 'the refusals')
    expect(logged.map(({ msg, answer, refused }) => [msg, String(answer).slice(0, 7), String(answer).length, refused])).toEqual([
      [REFUSED, 'the sam', 200, 1],
      [REFUSED, 'another', 200, 10],
    ])
    expect(webhook.state).toMatchObject({ pending: 0, isFailing: true })
  })

  it('whose body never ends is read no further than a few kB', async () => {
    let sent = 0
    const receiver = await startReceiver((response) => {
      const write = () => {
        if (response.destroyed) return
        sent += 65_536
        response.write(Buffer.alloc(65_536), write)
      }
      write()
    })
    const { webhook } = await openLoggedWebhook({ url: receiver.url, deadlineMs: 60_000 })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    expect(sent).toBeLessThan(16e6) // what fits into the sockets' buffers
  })

  it('that takes the block and then drips is cut off', async () => {
    const receiver = await startReceiver((response) => void response.writeHead(200).write('.'))
    const { webhook } = await openLoggedWebhook({ url: receiver.url })
    for (const number of [1, 2]) webhook.offer(slowAlert(number))
    await until(() => webhook.state.delivered === 2, 'the deliveries')
    expect(receiver.numbers()).toEqual([1, 2])
  })
})

describe('a receiver that fails', () => {
  it('is tried again until it works, said once, and gets all in their order', async () => {
    const receiver = await startReceiver(answers(500))
    const { webhook, logged } = await openLoggedWebhook({ url: receiver.url })
    for (const number of [1, 2, 3]) webhook.offer(slowAlert(number))
    await until(() => webhook.state.failed >= 3, 'three failures')
    receiver.answer = answers(200)
    await until(() => webhook.state.delivered === 3, 'the deliveries')
    expect([...new Set(receiver.numbers())]).toEqual([1, 2, 3])
    expect(receiver.numbers()).toEqual(receiver.numbers().toSorted())
    expect(webhook.state.failed).toBe(receiver.received.length - 3)
    expect(logged).toMatchObject([
      { level: 40, webhook: receiver.url, reason: 'answered 500', pending: 3, msg: FAILING },
      { level: 30, webhook: receiver.url, pending: 2, msg: DELIVERING },
    ])
  })

  it('is found again after it was gone', async () => {
    const gone = await startReceiver()
    const { webhook, messages } = await openLoggedWebhook({ url: gone.url })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the first delivery')
    gone.stop()
    for (const number of [2, 3]) webhook.offer(slowAlert(number))
    await until(() => webhook.state.failed >= 3, 'three failures')
    const back = await startReceiver(answers(200), { port: gone.port })
    await until(() => webhook.state.delivered === 3, 'the other deliveries')
    expect([gone.numbers(), back.numbers()]).toEqual([[1], [2, 3]])
    expect(messages()).toEqual([DELIVERING, FAILING, DELIVERING])
  })

  it('is tried less and less often', async () => {
    const times: number[] = []
    const receiver = await startReceiver((response) => {
      times.push(performance.now())
      answers(500)(response)
    })
    const { webhook } = await openLoggedWebhook({ url: receiver.url, backoff: { firstMs: 10, mostMs: 40 } })
    webhook.offer(slowAlert(1))
    await until(() => times.length === 10, 'ten attempts')
    const waits = times.slice(1).map((time, i) => time - (times[i] as number))
    // 10, 20, 40, 40, … ms, of which chance takes up to a half. Without an end to the doubling the last were 1.28 s at least.
    for (const [i, wait] of waits.entries()) expect(wait).toBeGreaterThan(([5, 10][i] ?? 20) - 2)
    expect(waits.at(-1)).toBeLessThan(1_000)
  })

  it.each([429, 503])('and asks with %i to be left alone is left alone for so long', async (status) => {
    const times: number[] = []
    const receiver = await startReceiver((response) => {
      times.push(performance.now())
      answers(times.length === 1 ? status : 200, { 'Retry-After': '1' })(response)
    })
    const { webhook } = await openLoggedWebhook({ url: receiver.url })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.delivered === 1, 'the delivery')
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThan(990)
  })

  it.each([
    ['has passed', 'Thu, 01 Jan 2026 00:00:00 GMT'],
    ['is none', 'soon'],
    ['is negative', '-5'],
  ])('and asks to be left alone until a time that %s is tried again as usual', async (_, time) => {
    const receiver = await startReceiver(answers(503, { 'Retry-After': time }))
    const { webhook } = await openLoggedWebhook({ url: receiver.url })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.failed >= 3, 'three attempts', 2_000)
  })
})

describe('a target that speaks no HTTP', () => {
  const statusLine = 'HTTP/1.1 200 OK\r\n'

  it.each<[string, (socket: Socket) => void, RegExp]>([
    ['takes the connection and says nothing', () => {}, /^no answer within 0.3 s$/],
    ['drips headers for ever', (socket) => drip(socket, statusLine, 'X: y\r\n'), /^no answer within 0.3 s$/],
    ['drips interim answers for ever', (socket) => drip(socket, '', 'HTTP/1.1 102 Processing\r\n\r\n'), /^no answer within 0.3 s$/],
    ['sends headers without end', (socket) => socket.write(statusLine + 'X: y\r\n'.repeat(10_000)), /Header overflow/i],
    ['answers with nonsense', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'), /^Parse Error/],
    ['closes the connection', (socket) => socket.end(), /^socket hang up$/],
    ['resets the connection', (socket) => socket.resetAndDestroy(), /ECONNRESET|socket hang up/],
    [
      'changes the protocol',
      (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      /./,
    ],
  ])('%s: a failure, with its reason', async (_, behave, reason) => {
    const port = await listen(behave)
    const { webhook, logged } = await openLoggedWebhook({ url: `http://127.0.0.1:${port}/token` })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.failed >= 2, 'two attempts')
    expect(logged).toMatchObject([{ level: 40, reason: expect.stringMatching(reason), msg: FAILING }])
    expect(JSON.stringify(logged)).not.toContain('token')
  })

  it('listens nowhere: a failure for each of its addresses, said once', async () => {
    const { webhook, logged } = await openLoggedWebhook({ url: 'http://localhost:1/token' })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.failed >= 2, 'two attempts')
    expect(logged).toMatchObject([{ webhook: 'http://localhost:1', reason: expect.stringContaining('ECONNREFUSED') }])
  })

  it('has a name that nobody knows', async () => {
    const { webhook, logged } = await openLoggedWebhook({ url: 'http://nowhere.invalid/token', deadlineMs: 10_000 })
    webhook.offer(slowAlert(1))
    await until(() => webhook.state.failed >= 1, 'an attempt', 15_000)
    expect(logged).toMatchObject([{ webhook: 'http://nowhere.invalid', reason: expect.stringMatching(/nowhere\.invalid/) }])
  })
})

describe('closing', () => {
  it.each<[string, Answer]>([
    ['waits to try again', answers(503, { 'Retry-After': '600' })],
    ['waits for an answer', hangs],
  ])('takes no longer than 300 ms while it %s', async (_, answer) => {
    const receiver = await startReceiver(answer)
    const { webhook } = await openLoggedWebhook({ url: receiver.url, deadlineMs: 60_000 })
    webhook.offer(slowAlert(1))
    await until(() => receiver.received.length === 1, 'the post')
    const start = performance.now()
    await webhook.close()
    expect(performance.now() - start).toBeLessThan(600)
    expect(webhook.state).toMatchObject({ delivered: 0, pending: 1 })
  })

  it('lets a delivery under way end, and begins no other', async () => {
    const receiver = await startReceiver(hangs)
    const { webhook } = await openLoggedWebhook({ url: receiver.url, deadlineMs: 60_000 })
    const answered = Promise.withResolvers<() => void>()
    receiver.answer = (response) => answered.resolve(() => void response.end())
    for (const number of [1, 2]) webhook.offer(slowAlert(number))
    const answer = await answered.promise
    const closed = webhook.close()
    answer()
    await closed
    expect(webhook.state).toMatchObject({ delivered: 1, pending: 1 })
    expect(receiver.numbers()).toEqual([1])
  })
})

/** A server of bytes, not of HTTP. */
async function listen(behave: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).resume())
    behave(socket)
  })
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return typeof address === 'object' && address ? address.port : 0
}

function drip(socket: Socket, start: string, drop: string): void {
  socket.write(start)
  const dripping = setInterval(() => socket.write(drop), 5)
  socket.on('close', () => clearInterval(dripping))
}
