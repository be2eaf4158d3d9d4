import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { until } from '../../harness/until.ts'
import { answers, hangs, startReceiver } from '../../harness/webhook-receiver.ts'
import { openLoggedWebhook } from './logged-webhook.ts'
import { slowAlert } from './slow-block.ts'

function replaceByFile(path: string): void {
  rmSync(dirname(path), { recursive: true })
  writeFileSync(dirname(path), '')
}

const newQueueFile = () => join(temporaryDirectory(), 'blocks.webhook-queue')
const NOWHERE = 'http://127.0.0.1:1'
const MEMORY_ONLY = /keeping slow blocks in memory only$/

/** A webhook that has these blocks in its file and delivered none. It is not closed: as if it had been killed. */
async function leave(queueFile: string, ...numbers: readonly number[]) {
  const opened = await openLoggedWebhook({ url: NOWHERE, queueFile })
  for (const number of numbers) opened.webhook.offer(slowAlert(number))
  await opened.webhook.kept()
  return opened
}

/** Slow blocks that a webhook delivers after it opened the file, in its order. */
async function deliveredFrom(queueFile: string, count: number) {
  const receiver = await startReceiver()
  const opened = await openLoggedWebhook({ url: receiver.url, queueFile })
  await until(() => opened.webhook.state.delivered === count, `${count} deliveries`)
  return { ...opened, numbers: receiver.numbers() }
}

describe('after the agent was killed', () => {
  it('what was not delivered is, in its order', async () => {
    const queueFile = newQueueFile()
    await leave(queueFile, 1, 2, 3)
    expect((await deliveredFrom(queueFile, 3)).numbers).toEqual([1, 2, 3])
  })

  it('what was delivered is not delivered again, though it be offered again', async () => {
    const queueFile = newQueueFile()
    await leave(queueFile, 1, 2)
    await (await deliveredFrom(queueFile, 2)).webhook.close()
    const receiver = await startReceiver()
    const { webhook } = await openLoggedWebhook({ url: receiver.url, queueFile })
    for (const number of [1, 2, 3]) webhook.offer(slowAlert(number))
    await until(() => webhook.state.delivered === 1, 'the new one')
    expect(receiver.numbers()).toEqual([3])
  })

  it('in the middle of a delivery that one is repeated, and known by its id', async () => {
    const queueFile = newQueueFile()
    const receiver = await startReceiver(hangs)
    const { webhook } = await openLoggedWebhook({ url: receiver.url, queueFile, deadlineMs: 60_000 })
    webhook.offer(slowAlert(1))
    await until(() => receiver.received.length === 1, 'the first post')
    receiver.answer = answers(200)
    const next = await openLoggedWebhook({ url: receiver.url, queueFile })
    await until(() => next.webhook.state.delivered === 1, 'the delivery')
    expect(receiver.numbers()).toEqual([1, 1])
    expect(receiver.received[1]?.payload).toEqual(receiver.received[0]?.payload)
  })

  it.each([1, 10, 400])('%i bytes short of a whole line, the lines before are delivered and new ones are kept', async (missing) => {
    const queueFile = newQueueFile()
    await leave(queueFile, 1, 2, 3)
    truncateSync(queueFile, statSync(queueFile).size - missing)
    const kept = missing === 1 ? [1, 2, 3] : [1, 2] // only the line's end is missing
    await leave(queueFile, 4)
    expect((await deliveredFrom(queueFile, kept.length + 1)).numbers).toEqual([...kept, 4])
  })

  it('what was delivered long ago takes no room in the file', async () => {
    const queueFile = newQueueFile()
    const receiver = await startReceiver()
    const { webhook } = await openLoggedWebhook({ url: receiver.url, queueFile })
    const peer = 'x'.repeat(20_000)
    for (let number = 0; number < 200; number++) webhook.offer(slowAlert(number, { reconstruction_peer: peer }))
    await webhook.kept()
    expect(statSync(queueFile).size).toBeGreaterThan(4e6)
    await until(() => webhook.state.delivered === 200, 'all deliveries')
    await webhook.kept()
    expect(statSync(queueFile).size).toBeLessThan(1e6)
    await webhook.close()
    await openLoggedWebhook({ url: NOWHERE, queueFile })
    expect(statSync(queueFile).size).toBeLessThan(20_000)
  })

  it('the file is nobody else’s to read', async () => {
    const queueFile = newQueueFile()
    await leave(queueFile, 1)
    expect(statSync(queueFile).mode & 0o777).toBe(0o640)
  })
})

describe('an agent that is killed at ten random moments', () => {
  it('delivers at least once, in order, all that it was offered', { timeout: 60_000 }, async () => {
    const queueFile = newQueueFile()
    const receiver = await startReceiver()
    let offered = 0
    for (let life = 0; life < 10; life++) offered = await offerUntilKilled(receiver.url, queueFile, offered, 1 + 200 * Math.random())
    const { webhook } = await openLoggedWebhook({ url: receiver.url, queueFile })
    await until(() => webhook.state.pending === 0, 'the last deliveries')
    const numbers = [...new Set(receiver.numbers())]
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, number) => number))
    expect(numbers.length).toBeGreaterThanOrEqual(offered)
    expect(offered).toBeGreaterThan(10)
  })

  /** Runs a process that offers blocks from a number on, and kills it once it has said so often that it did. Returns what it had come to. */
  async function offerUntilKilled(url: string, queueFile: string, first: number, times: number): Promise<number> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'offering.ts'), url, queueFile, String(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.split('\n').length > times) child.kill('SIGKILL')
    })
    await once(child, 'close')
    return Number(said.split('\n').at(-2) ?? first - 1) + 1
  }
})

describe('a queue that is full', () => {
  it('gives up the oldest, counts them and says so once, also over a restart', async () => {
    const queueFile = newQueueFile()
    const { webhook, logged } = await leave(queueFile, ...Array.from({ length: 10_005 }, (_, number) => number))
    expect(webhook.state).toMatchObject({ pending: 10_000, givenUp: 5 })
    expect(logged.filter(({ level }) => level === 50)).toMatchObject([
      { givenUp: 1, msg: 'too many slow blocks wait for the webhook; giving up the oldest' },
    ])
    const { webhook: next } = await openLoggedWebhook({ url: NOWHERE, queueFile })
    expect(next.state).toMatchObject({ pending: 10_000, givenUp: 0 })
    next.offer(slowAlert(0))
    expect(next.state).toMatchObject({ pending: 10_000, givenUp: 0 })
  })

  it('holds no more than 8 MiB, but one in any case', async () => {
    const { webhook } = await openLoggedWebhook({ url: NOWHERE })
    const offer = (number: number, length: number) => webhook.offer(slowAlert(number, { reconstruction_peer: 'x'.repeat(length) }))
    offer(1, 10 * 2 ** 20)
    expect(webhook.state).toMatchObject({ pending: 1, givenUp: 0 })
    for (const number of [2, 3, 4]) offer(number, 3 * 2 ** 20)
    expect(webhook.state).toMatchObject({ pending: 2, givenUp: 2 })
  })
})

describe('what somebody else wrote to the queue file', () => {
  it('is not posted, and what is whole beside it is', async () => {
    const queueFile = newQueueFile()
    await leave(queueFile, 1, 2)
    const planted = (fields: object) => JSON.stringify({ ...slowAlert(3), ...fields })
    const lines = [
      planted({ delivery_id: 'x' }),
      planted({ delivery_id: 'a\r\nX-Injected: 1' }),
      planted({ event_type: 'other' }),
      planted({ height: '3' }),
      planted({ height: 2 ** 60 }),
      planted({ reconstruction_ms: null }),
      planted({ src_peer: { nested: true } }),
      planted({ reconstruction_ms: 0 }).replace('"reconstruction_ms":0', '"reconstruction_ms":1e999'),
      planted({ node_name: 'x'.repeat(2 ** 20) }),
      `${'['.repeat(500_000)}`,
      '{"done":{"toString":1}}',
      `{"done":"${'f'.repeat(64)}"}`,
      'null',
      '\u0000'.repeat(5_000),
    ]
    appendFileSync(queueFile, `${lines.join('\n')}\n${planted({ secret: 'of another file', height: 4 })}\n`)
    const receiver = await startReceiver()
    const { webhook } = await openLoggedWebhook({ url: receiver.url, queueFile })
    await until(() => webhook.state.delivered === 3, 'three deliveries')
    expect(receiver.received.map(({ payload }) => payload)).toEqual([slowAlert(1), slowAlert(2), slowAlert(3, { height: 4 })])
    expect(webhook.state).toMatchObject({ pending: 0, failed: 0 })
  })

  it('without end is not read', async () => {
    const queueFile = newQueueFile()
    await leave(queueFile, 1)
    truncateSync(queueFile, 2 ** 40)
    const { webhook, logged } = await leave(queueFile, 2)
    expect(webhook.state).toMatchObject({ pending: 1 })
    expect(logged[0]).toMatchObject({ err: { message: 'it is too long' }, msg: expect.stringMatching(MEMORY_ONLY) })
    expect(statSync(queueFile).size).toBe(2 ** 40)
  })

  it('through a link in the place of it or of its draft ends nowhere else', async () => {
    const [queueFile, victim] = [newQueueFile(), join(temporaryDirectory(), 'victim')]
    writeFileSync(victim, 'precious')
    symlinkSync(victim, `${queueFile}.new`)
    await leave(queueFile, 1)
    expect((await deliveredFrom(queueFile, 1)).numbers).toEqual([1])
    rmSync(queueFile)
    symlinkSync(victim, queueFile)
    const { logged } = await leave(queueFile, 2)
    expect(logged[0]).toMatchObject({ err: { code: 'ELOOP' }, msg: expect.stringMatching(MEMORY_ONLY) })
    expect(readFileSync(victim, 'utf8')).toBe('precious')
  })
})

describe('a queue file that cannot be used', () => {
  it('is somebody else’s: it is left alone, said once, and all is delivered from memory', async () => {
    const queueFile = newQueueFile()
    writeFileSync(queueFile, '{"schema":1,"node":"a journal"}\n')
    const { logged, numbers, webhook } = await offering(queueFile)
    expect(numbers()).toEqual([1, 2])
    expect(webhook.state).toMatchObject({ delivered: 2 })
    expect(logged[0]).toMatchObject({ level: 40, path: queueFile, msg: expect.stringMatching(MEMORY_ONLY) })
    expect(logged[0]?.err).toMatchObject({ message: 'it holds something else' })
    expect(readFileSync(queueFile, 'utf8')).toBe('{"schema":1,"node":"a journal"}\n')
  })

  it.each<[string, (path: string) => void]>([
    ['binary', (path) => writeFileSync(path, Buffer.from([0, 255, 10, 13, 128]))],
    ['a directory', (path) => mkdirSync(path)],
    ['a link to a device', (path) => symlinkSync('/dev/full', path)],
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['beside a folder in the place of its draft', (path) => mkdirSync(`${path}.new`)],
    ['in a directory that is not there', (path) => rmSync(dirname(path), { recursive: true })],
    ['in a directory that is a file', replaceByFile],
  ])('is %s: it is said once, and all is delivered from memory', async (_, spoil) => {
    const queueFile = join(temporaryDirectory(), 'sub', 'blocks.webhook-queue')
    mkdirSync(dirname(queueFile))
    spoil(queueFile)
    const { logged, numbers } = await offering(queueFile)
    expect(numbers()).toEqual([1, 2])
    expect(logged.filter(({ level }) => level >= 40)).toMatchObject([{ level: 40, msg: expect.stringMatching(MEMORY_ONLY) }])
  })

  it('comes to work later: it then has all that waits', async () => {
    const queueFile = join(temporaryDirectory(), 'later', 'blocks.webhook-queue')
    const { webhook, logged } = await leave(queueFile, 1, 2)
    mkdirSync(dirname(queueFile))
    let count = 2
    const isBack = () => {
      webhook.offer(slowAlert(++count))
      return existsSync(queueFile)
    }
    await until(isBack, 'the file')
    await webhook.close()
    expect((await deliveredFrom(queueFile, count)).numbers).toEqual(Array.from({ length: count }, (_, i) => i + 1))
    const said = logged.map(({ msg }) => msg).filter((msg) => msg.includes('keeping'))
    expect(said).toEqual([expect.stringMatching(MEMORY_ONLY), 'keeping slow blocks for the webhook in their file again'])
  })

  async function offering(queueFile: string) {
    const receiver = await startReceiver()
    const opened = await openLoggedWebhook({ url: receiver.url, queueFile })
    for (const number of [1, 2]) opened.webhook.offer(slowAlert(number))
    await until(() => opened.webhook.state.delivered === 2, 'the deliveries')
    return { ...opened, numbers: receiver.numbers }
  }
})
