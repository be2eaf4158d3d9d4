import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { LogSource } from '../../../../agent/sources/log/log.ts'
import type { LoggedMessage, Loss } from '../../../../agent/sources/source.ts'
import type { Tracepoint } from '../../../../agent/tracepoints/define.ts'
import { type TracepointEvent, tracepoints } from '../../../../agent/tracepoints/index.ts'
import { captureLog } from '../../../harness/captured-log.ts'
import { temporaryDirectory } from '../../../harness/temporary.ts'
import { until } from '../../../harness/until.ts'
import { readLog } from './read-log.ts'

const hashOf = (number: number) => number.toString(16).padStart(64, '0')
const now = () => `${new Date().toISOString().slice(0, -1)}000Z`
const tip = (height: number) =>
  `${now()} UpdateTip: new best=${hashOf(height)} height=${height} version=0x20000000 log2_work=1.0 tx=${height * 10} date='x'\n`
const header = (height: number) => `${now()} Saw new cmpctblock header hash=${hashOf(height)} height=${height} peer=1\n`
const received = `${now()} [net] received: headers (82 bytes) peer=1\n`
const bench = `${now()} [bench] - Connect block: 1.00ms\n`
const send = (height: number) => `${now()} UDP: Starting header send for block ${hashOf(height)} at 1 us\n`

/** A source that follows a log, which holds this text at first. */
function follow(text?: string, measured: readonly Tracepoint[] = tracepoints) {
  const path = join(temporaryDirectory(), 'debug.log')
  if (text !== undefined) writeFileSync(path, text)
  const events: TracepointEvent[] = []
  const messages: LoggedMessage[] = []
  const losses: Loss[] = []
  const { log, lines } = captureLog()
  const source = new LogSource({ tracepoints: measured, log })
  source.start({
    event: (event) => void events.push(event),
    logged: (message) => void messages.push(message),
    lost: (loss) => void losses.push(loss),
    error: (error) => void losses.push(error as Loss),
  })
  const attachment = source.attach({ node: 'a', pid: 0, executable: path })
  onTestFinished(() => attachment.close())
  const stateOf = (probe: string) => attachment.probes.find((state) => state.probe === probe)
  const write = (text: string) => appendFileSync(path, text)
  const warned = () =>
    lines.flatMap(({ msg, reason }) => (msg === 'debug.log tells less than it could' ? [String(reason).split(' is missing')[0]] : []))
  return { path, source, attachment, events, messages, losses, lines, stateOf, write, warned }
}

it('hands on events with stamps of the clock of this machine', async () => {
  const { source, events, write } = follow('')
  const before = source.now()
  write(tip(1) + tip(2))
  await until(() => events.length === 2, 'two events')
  const [, second] = events
  expect(second).toMatchObject({ node: 'a', probe: 'validation:block_connected', height: 2, transactions: 10 })
  // The line has whole ms.
  expect(second?.stampNs).toBeGreaterThan(before - 2e6)
  expect(second?.stampNs).toBeLessThanOrEqual(source.now())
})

it('counts headers, until the node is forgotten', async () => {
  const { source, events, write } = follow('')
  write(header(1) + header(2) + tip(2))
  await until(() => events.length === 1, 'the block')
  expect(source.totals()).toMatchObject([{ node: 'a', probe: 'net:block_header', count: 2, labels: { byCompactBlock: 'cmpctblock' } }])
  source.forget('a')
  expect(source.totals()).toEqual([])
})

it('counts a header of which another line could follow once the log is closed', async () => {
  const { source, attachment, events, write } = follow('')
  write(`${tip(1)}${now()} Saw new header hash=${hashOf(2)} height=2\n`)
  await until(() => events.length === 1, 'the block')
  expect(source.totals()).toEqual([])
  await attachment.close()
  expect(source.totals()).toMatchObject([{ probe: 'net:block_header', count: 1, labels: { byCompactBlock: 'headers' } }])
})

describe('a tracepoint', () => {
  it('of FIBRE is offered once the log has a line of FIBRE, be it from before the start', async () => {
    expect(follow(send(1)).stateOf('udp:block_race_time')).toMatchObject({ offered: true, attached: true })
    const { stateOf, write } = follow(tip(1))
    expect(stateOf('udp:block_race_time')).toMatchObject({ offered: false, attached: false, reason: 'debug.log has no line of FIBRE' })
    write(send(1))
    await until(() => stateOf('udp:block_race_time')?.attached === true, 'FIBRE')
  })

  it('is not attached while bitcoind is not told to write its lines', async () => {
    const { stateOf, source, write, warned } = follow(`${now()} UDP: Bound to port 1\n${tip(1)}${tip(2)}`)
    const reason =
      'debug=bench is missing in bitcoin.conf: debug.log has no races, no reconstructions by FIBRE, and no durations of connecting'
    expect(stateOf('udp:block_race_time')).toEqual({ probe: 'udp:block_race_time', offered: true, attached: false, reason, refused: true })
    expect(stateOf('validation:block_connected')).toMatchObject({ attached: true, missingFields: ['inputs', 'durationNs'] })
    expect(source.warnings()).toEqual([`a: ${reason}`])
    expect(warned()).toEqual(['debug=bench'])

    write(bench + tip(3))
    await until(() => stateOf('udp:block_race_time')?.attached === true, 'bench')
    expect(source.warnings()).toEqual([])
  })

  it('of compact blocks is not attached when three came of which nothing was told', () => {
    const { stateOf } = follow([1, 2, 3].map((height) => header(height) + tip(height) + bench).join(''))
    expect(stateOf('net:compact_block_reconstructed')).toMatchObject({
      offered: true,
      attached: false,
      reason: expect.stringMatching(/^debug=cmpctblock is missing/),
    })
    expect(stateOf('net:block_header')).toMatchObject({ attached: true })
  })

  const missingOf = ({ source }: ReturnType<typeof follow>) => source.warnings().map((warning) => warning.split(' is missing')[0])

  it('of messages is missed when three blocks had a header without a line of one', async () => {
    const block = (height: number) => header(height) + tip(height)
    const followed = follow(`${block(1)}${block(2)}${received}${block(3)}${block(4)}`)
    const { write } = followed
    const missing = () => missingOf(followed)
    expect(missing()).not.toContain('a: debug=net')
    write(header(5))
    await until(() => missing().includes('a: debug=net'), 'the warning')
    write(received)
    await until(() => !missing().includes('a: debug=net'), 'its end')
  })

  it('of messages is not missed when one message brought many headers', () => {
    const headers = [2, 3, 4, 5].map((height) => `${now()} Saw new header hash=${hashOf(height)} height=${height}\n`).join('')
    expect(missingOf(follow(tip(1) + received + headers))).not.toContain('a: debug=net')
  })

  it('that the log does not tell of is not offered, and one of a log that is not there waits', () => {
    const { path, stateOf } = follow()
    expect(stateOf('mempool:added')).toEqual({
      probe: 'mempool:added',
      offered: false,
      attached: false,
      reason: 'debug.log does not tell of it',
    })
    expect(stateOf('validation:block_connected')).toMatchObject({
      offered: true,
      attached: false,
      refused: true,
      reason: `${path} is not there`,
    })
  })
})

describe('whether a node has FIBRE', () => {
  const isKnown = (text?: string) => follow(text).attachment.isKindKnown
  it('is known by a line of FIBRE or a block, be it from before the start', () => {
    expect(isKnown(send(1))).toBe(true)
    expect(isKnown(tip(1))).toBe(true)
  })

  it('is not known between two blocks, of which a log may tell no more than messages', async () => {
    expect(isKnown()).toBe(false)
    const { attachment, write } = follow(received.repeat(20_000) + header(1))
    expect(attachment.isKindKnown).toBe(false)
    write(tip(1))
    await until(() => attachment.isKindKnown === true, 'a block')
  })
})

it('hands on what the log tells of messages, unless those are not measured', async () => {
  const lines = [1, 2].map((height) => header(height) + tip(height)).join('')
  const [{ messages, events, write }, without] = [
    follow(''),
    follow(
      '',
      tracepoints.filter(({ group }) => group !== 'net'),
    ),
  ]
  for (const log of [write, without.write]) log(lines)
  await until(() => events.length === 2 && without.events.length === 2, 'the blocks')
  expect(messages).toMatchObject([1, 2].map((height) => ({ node: 'a', type: 'cmpctblock', hash: hashOf(height), peer: 1, isFirst: true })))
  expect(messages[0]?.stampNs).toBeLessThanOrEqual(events[0]?.stampNs as number)
  expect(without.messages).toEqual([])
})

it('says why events were lost', async () => {
  const { losses, write, path } = follow(tip(1))
  writeFileSync(path, '')
  write(tip(2))
  await until(() => losses.length > 0, 'the loss')
  expect(losses).toEqual([
    { node: 'a', eventType: 'block_connected', lost: 1, reason: 'the log was cut, and what was not read by then is gone' },
  ])
})

it('refuses a process that is gone', () => {
  expect(() => new LogSource({ tracepoints, log: captureLog().log }).attach({ node: 'a', pid: 2 ** 22, executable: '/x' })).toThrow(
    'has ended',
  )
})

describe('the time of a line without fractions of a second', () => {
  const secondUs = Date.parse('2026-11-22T16:25:09Z') * 1e3
  const timeAt = (nowUs: number, time: string) =>
    readLog([`${time}UDP: Starting header send for block ${hashOf(1)} at 1 us`], nowUs).events[0]?.unixUs
  it.each([
    ['when it was read', 4_000, 4_000],
    ['the end of its second if it was read later', 1_700_000, 999_999],
    ['its second if it was read earlier, by another clock', -20, 0],
  ])('is %s', (_, readUs, expected) => {
    expect(timeAt(secondUs + readUs, '2026-11-22T16:25:09Z ')).toBe(secondUs + expected)
  })

  it('is when it was read if it has none', () => {
    expect(timeAt(secondUs + 7, '')).toBe(secondUs + 7)
  })
})
