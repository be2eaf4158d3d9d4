import { expect, it, vi } from 'vitest'
import { EventStreams, serverSentEvent } from '../../../agent/page/event-streams.ts'
import { exchange, openConnection } from '../../harness/connections.ts'
import { until } from '../../harness/until.ts'
import { hashOf } from '../blocks/events.ts'
import { serve } from '../http/serve.ts'
import { node, quiet, recordOfWin } from './records.ts'
import { openStream, type Sent, serveLive, wordsOf } from './serve-live.ts'

const eventsOf = (sent: readonly Sent[]) => sent.map(({ event }) => event)
const textOf = (sent: readonly Sent[], event: string) =>
  wordsOf(
    sent
      .filter((one) => one.event === event)
      .map(({ text }) => text)
      .join('|'),
  )

/** A stream as a page opens it that was just loaded, after its greeting. */
async function openAsPage({ server }: Awaited<ReturnType<typeof serveLive>>) {
  const version = /data-version="([^"]+)"/.exec(await (await fetch(server.url)).text())?.[1] ?? ''
  const stream = await openStream(`${server.url}/live?version=${version}`)
  expect(eventsOf(await stream.next())).toEqual(['now'])
  return stream
}

it('is a stream of server-sent events that nobody stores or buffers', async () => {
  const { response } = await openAsPage(await serveLive())
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
})

it('answers HEAD with the headers alone', async () => {
  const { server } = await serveLive()
  const answer = await exchange(server.port, 'HEAD /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Type: text\/event-stream[\s\S]+\r\n\r\n$/)
})

it('sends what becomes known of a block at one time in one push, within a second', async () => {
  const served = await serveLive([recordOfWin(1)])
  const stream = await openAsPage(served)
  const start = performance.now()
  served.live.update(recordOfWin(2, { path: 'unknown' }), false)
  served.live.update(recordOfWin(2, { path: 'bip152_cmpct' }), false)
  const sent = await stream.next()
  expect(performance.now() - start).toBeLessThan(1_000)
  expect(eventsOf(sent)).toEqual(['row', 'now'])
  expect(textOf(sent, 'row')).toMatch(/^ 900,002 .* compact block /)
})

it('takes a block back that the node only caught up with', async () => {
  const served = await serveLive([recordOfWin(1)])
  const stream = await openAsPage(served)
  served.live.update(recordOfWin(2, { path: 'unknown' }), false)
  await stream.next()
  served.live.remove({ node: 'node-a', hash: recordOfWin(1).block_hash }) // final: it stays
  served.live.remove({ node: 'node-a', hash: recordOfWin(2).block_hash })
  const sent = await stream.next()
  expect(textOf(sent, 'content')).toContain('900,001')
  expect(textOf(sent, 'content')).not.toContain('900,002')
})

it('sends a closed block with the figures that follow from it', async () => {
  const served = await serveLive([recordOfWin(1)])
  const stream = await openAsPage(served)
  served.live.update(recordOfWin(2, { path: 'bip152_cmpct' }), true)
  const sent = await stream.next()
  expect(eventsOf(sent)).toEqual(['part', 'row', 'now'])
  expect(textOf(sent, 'part')).toContain('FIBRE win rate 50% 1 of 2 races')
})

it('sends blocks oldest first, and of many only those that a page shows', async () => {
  const served = await serveLive()
  const stream = await openAsPage(served)
  for (let number = 1; number <= 500; number++) served.live.update(recordOfWin(number), true)
  const rows = (await stream.next()).filter(({ event }) => event === 'row')
  expect(rows).toHaveLength(100)
  expect([wordsOf(rows[0]?.text ?? ''), wordsOf(rows[99]?.text ?? '')]).toEqual([
    expect.stringMatching(/^ 900,401 /),
    expect.stringMatching(/^ 900,500 /),
  ])
})

it('sends the state when it has changed, and nothing when it has not', async () => {
  const served = await serveLive()
  const stream = await openAsPage(served)
  served.live.changed()
  served.state.now = { ...quiet, nodes: [{ ...node, isUp: false }], readiness: { ready: false, reasons: ['no bitcoind is running'] } }
  served.live.changed()
  const sent = await stream.next()
  expect(eventsOf(sent)).toEqual(['part', 'part', 'now'])
  expect(textOf(sent, 'part')).toMatch(/^ Not ready no bitcoind is running \| node-a gone Was process 4242/)
  served.live.changed()
  served.live.update(recordOfWin(1), false)
  expect(eventsOf(await stream.next())).toEqual(['row', 'now'])
})

it('sends everything to a page that missed something, comes from another process, or names no version', async () => {
  const served = await serveLive([recordOfWin(1)])
  const version = /data-version="([^"]+)"/.exec(await (await served.get('/')).text())?.[1]
  served.live.update(recordOfWin(2), true)
  for (const query of [`?version=${version}`, '?version=another', '']) {
    const sent = await (await openStream(`${served.server.url}/live${query}`)).next()
    expect(eventsOf(sent)).toEqual(['content', 'part', 'now'])
    expect(textOf(sent, 'content')).toMatch(/^ node-a running .* 900,002 .* 900,001 /)
    expect(textOf(sent, 'part')).toContain('All is well')
  }
})

it('sends with each push the version that the page then has', async () => {
  const served = await serveLive()
  const stream = await openAsPage(served)
  served.live.update(recordOfWin(1), true)
  const { time, version } = JSON.parse((await stream.next()).at(-1)?.text ?? '')
  expect(Math.abs(time - Date.now())).toBeLessThan(1_000)
  const again = await openStream(`${served.server.url}/live?version=${version}`)
  expect(eventsOf(await again.next())).toEqual(['now'])
})

it('lets no line break in a text become an event', async () => {
  const served = await serveLive()
  const stream = await openAsPage(served)
  served.live.update(recordOfWin(1, { pool: 'a\n\nevent: content\rdata: x\r\n\r\nb' }), true)
  expect(eventsOf(await stream.next())).toEqual(['part', 'row', 'now'])
})

it('sends a heartbeat every 15 s', async () => {
  const served = await serveLive()
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  try {
    const stream = await openAsPage(served)
    vi.advanceTimersByTime(15_000)
    expect(eventsOf(await stream.next())).toEqual(['now'])
  } finally {
    vi.useRealTimers()
  }
})

it('lets the oldest of 100 streams give way to another, so that idle ones lock nobody out', async () => {
  const { server } = await serveLive()
  const streams: Awaited<ReturnType<typeof openStream>>[] = []
  for (let page = 0; page < 100; page++) streams.push(await openStream(`${server.url}/live`))
  const another = await openStream(`${server.url}/live`)
  expect(another.response.status).toBe(200)
  await until(() => streams[0]?.isEnded === true, 'the oldest to end')
  expect(streams.slice(1).filter(({ isEnded }) => isEnded)).toEqual([])
  expect((await another.next()).at(-1)?.event).toBe('now')
})

it('drops a client that does not read, and nobody else', async () => {
  const streams = new EventStreams(() => '')
  const { url, port } = await serve({ routes: { '/live': () => streams.open(() => '') } })
  const stream = await openStream(`${url}/live`)
  const stuck = (await openConnection(port)).pause()
  stuck.write('GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await until(() => streams.size === 2, 'two clients')
  const text = 'x'.repeat(100_000)
  await until(() => {
    streams.send(serverSentEvent('part', text)) // the kernel takes some megabytes for the other
    return streams.size === 1
  }, 'the stuck one to go')
  streams.send(serverSentEvent('now', 'still here'))
  expect((await stream.next()).at(-1)).toEqual({ event: 'now', text: 'still here' })
})

it('ends streams at once when it is closed, and opens no more', async () => {
  const served = await serveLive()
  const streams = [await openAsPage(served), await openAsPage(served)]
  const start = performance.now()
  served.live.close()
  expect((await openStream(`${served.server.url}/live`)).response.status).toBe(503)
  await served.server.close()
  expect(performance.now() - start).toBeLessThan(200)
  await until(() => streams.every(({ isEnded }) => isEnded), 'the streams to end')
})

it('takes no snapshot while no page is open', async () => {
  const served = await serveLive()
  let asked = 0
  Object.defineProperty(served.state, 'now', {
    get() {
      asked++
      return quiet
    },
  })
  for (let number = 0; number < 1_000; number++) served.live.update(recordOfWin(number), true)
  served.live.changed()
  expect(asked).toBe(0)
  await openAsPage(served)
  expect(asked).toBe(1)
})

it('refuses a query that it does not know', async () => {
  const { get } = await serveLive()
  expect((await get('/live?since=1')).status).toBe(400)
  expect((await get(`/live?hash=${hashOf(1)}`)).status).toBe(400)
})

it('goes on when no snapshot can be taken, and logs that once', async () => {
  const served = await serveLive()
  const stream = await openAsPage(served)
  Object.defineProperty(served.state, 'now', {
    configurable: true,
    get: () => {
      throw new Error('no state')
    },
  })
  served.live.update(recordOfWin(1), true)
  served.live.update(recordOfWin(2), true)
  await until(() => served.logged.length > 0, 'a line in the log')
  Object.defineProperty(served.state, 'now', { value: quiet })
  served.live.update(recordOfWin(3), true)
  expect(textOf(await stream.next(), 'row')).toMatch(/900,003/)
  expect(served.logged).toMatchObject([{ level: 50, msg: 'cannot keep the page up to date' }])
})
