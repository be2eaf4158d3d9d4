import { execFileSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { openCapture } from '../../../agent/capture/capture.ts'
import { recordedTracepoints, type TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { mountMemory } from '../../harness/mounted.ts'
import { until } from '../../harness/until.ts'
import { eventOf } from '../blocks/events.ts'
import { HASH, startReplay, temporaryPath } from '../sources/recordings.ts'

/** A value for each kind of argument. */
const values = {
  integer: -7,
  text: 'peer=1 "quoted" \u001b[31m <b>\n\ud83d\ude00',
  shortText: 'cmpctblock',
  longText: '03abcd',
  bytes: '00ff17',
  hexHash: HASH,
  rawHash: HASH,
  hashPrefix: HASH.slice(-16),
} as const

/** An event of each tracepoint, with every argument. */
const everyEvent = recordedTracepoints.map(({ probe, args }, i) => {
  const given = Object.fromEntries(Object.entries(args).map(([name, { kind }]) => [name, values[kind]]))
  return eventOf(probe, { ...given, stampNs: 2_089_087_662_823 + i, unixSeconds: 1_795_364_502.889134 })
})

const sendStart = (startUs: number) => eventOf('udp:block_send_start', { blockHash: HASH, startUs })

async function startCapture(file: string) {
  const { log, lines } = captureLog()
  return { capture: await openCapture({ file, log, retryMs: 50 }), lines }
}

async function record(file: string, ...events: readonly TracepointEvent[]) {
  const { capture, lines } = await startCapture(file)
  for (const event of events) capture.record(event)
  await capture.close()
  return lines
}

async function replayed(file: string) {
  const { run, handed } = await startReplay(file)
  const counts = await run()
  return { ...counts, handed, starts: handed.map(({ event }) => 'startUs' in event && event.startUs) }
}

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0
const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n').slice(0, -1)

it('writes an event as a line of JSON with the documented names', async () => {
  const file = temporaryPath()
  const unread = { blockHash: undefined, height: 7, durationNs: 1 }
  await record(file, ...everyEvent.slice(0, 1), eventOf('validation:block_connected', { ...unread, stampNs: 5, unixSeconds: 0.000001 }))
  expect(linesOf(file)).toEqual([
    `{"ts_ns":2089087662823,"unix_us":1795364502889134,"node":"n","probe":"udp:block_reconstructed","block_hash":"${HASH}",` +
      `"peer":${JSON.stringify(values.text)},"chunks_used":-7,"chunks_received":-7,"peers":-7,"duration_us":-7,"height":-7}`,
    '{"ts_ns":5,"unix_us":1,"node":"n","probe":"validation:block_connected","height":7,"duration_ns":1}',
  ])
})

it('records events of all kinds so that they are replayed as they were', async () => {
  const file = temporaryPath()
  expect(await record(file, ...everyEvent)).toEqual([])
  const { handed } = await replayed(file)
  expect(handed.map(({ event }) => event)).toEqual(everyEvent)
  expect(handed.flatMap(({ failed }) => failed)).toEqual([])
})

it('has written what it was given after a second or so', async () => {
  const file = temporaryPath()
  const { capture } = await startCapture(file)
  capture.record(sendStart(1))
  await until(() => sizeOf(file) > 0, 'the line')
  expect(linesOf(file)).toHaveLength(1)
  await capture.close()
})

it('adds to a recording, which others may not read', async () => {
  const file = temporaryPath()
  await record(file, sendStart(1))
  await record(file, sendStart(2))
  expect((await replayed(file)).starts).toEqual([1, 2])
  expect((statSync(file).mode & 0o777).toString(8)).toBe('640')
})

it('ends a line that was torn when it was killed', async () => {
  const file = temporaryPath()
  await record(file, sendStart(1))
  appendFileSync(file, '{"ts_ns":1,"no')
  await record(file, sendStart(2))
  expect(await replayed(file)).toMatchObject({ events: 2, unreadable: 1, starts: [1, 2] })
})

it('goes on in a new file after a rotation, and loses nothing', async () => {
  const file = temporaryPath()
  const { capture, lines } = await startCapture(file)
  for (let i = 0; i < 2000; i++) capture.record(sendStart(i))
  await until(() => sizeOf(file) > 0, 'the first lines')
  renameSync(file, `${file}.1`)
  capture.reopen()
  await until(() => existsSync(file), 'the new file')
  for (let i = 2000; i < 4000; i++) capture.record(sendStart(i))
  await capture.close()
  const both = [...(await replayed(`${file}.1`)).starts, ...(await replayed(file)).starts]
  expect(both).toEqual(Array.from({ length: 4000 }, (_, i) => i))
  expect(lines).toEqual([])
})

it('says a full disk once; once there is room it has every event, whole', async (context) => {
  const directory = mountMemory(context)
  const file = join(directory, 'events.jsonl')
  const { capture, lines } = await startCapture(file)
  for (let i = 0; i < 1_000; i++) capture.record(sendStart(i))
  await until(() => lines.length > 0, 'the failure')
  for (let i = 1_000; i < 1_500; i++) capture.record(sendStart(i))
  execFileSync('mount', ['-o', 'remount,size=1m', directory])
  await until(() => lines.length > 1, 'that it can be written')
  await capture.close()
  expect(lines).toEqual([
    { level: 50, file, reason: 'the disk is full: make room there', msg: 'cannot write the recording; trying again' },
    { level: 30, file, lost: 0, msg: 'the recording can be written again' },
  ])
  expect(await replayed(file)).toMatchObject({ unreadable: 0, starts: Array.from({ length: 1_500 }, (_, i) => i) })
})

it('says in the end how much was lost', async () => {
  const { capture, lines } = await startCapture('/dev/full')
  await until(() => lines.length > 0, 'the failure')
  for (let i = 0; i < 4; i++) capture.record(sendStart(i))
  await capture.close()
  expect(lines).toMatchObject([
    { level: 50, reason: 'it is no regular file, which is left as it is: name another file with --record PATH' },
    { level: 50, file: '/dev/full', lost: 4, msg: 'events could not be recorded' },
  ])
})

it('goes on in the old file, and says so once, where a new one cannot be made', async () => {
  const file = join(temporaryPath('folder'), 'events.jsonl')
  mkdirSync(dirname(file))
  const { capture, lines } = await startCapture(file)
  capture.record(sendStart(0))
  await until(() => sizeOf(file) > 0, 'the first line')
  renameSync(dirname(file), `${dirname(file)}.away`)
  capture.reopen()
  await until(() => lines.length > 0, 'the failure')
  expect([capture.fault, capture.keptBy]).toEqual([undefined, lines[0]?.reason])
  capture.record(sendStart(1))
  capture.reopen()
  await until(() => linesOf(`${dirname(file)}.away/events.jsonl`).length === 2, 'the second line')
  mkdirSync(dirname(file))
  await until(() => lines.length > 1, 'the new file')
  capture.record(sendStart(2))
  await capture.close()
  expect(capture.keptBy).toBeUndefined()
  expect((await replayed(file)).starts).toEqual([2])
  expect(lines).toMatchObject([
    { level: 50, file, msg: 'cannot open the recording anew; going on in the old file, and trying again' },
    { level: 30, file, msg: 'the recording goes on in a new file' },
  ])
})

it('writes what it kept once a file can be written at last', async () => {
  const file = join(temporaryPath('missing'), 'events.jsonl')
  const { capture, lines } = await startCapture(file)
  capture.record(sendStart(1))
  await until(() => lines.length > 0, 'the failure')
  mkdirSync(dirname(file))
  capture.record(sendStart(2))
  await until(() => lines.length > 1, 'that it can be written')
  await capture.close()
  expect(lines).toMatchObject([
    { level: 50, msg: 'cannot write the recording; trying again' },
    { level: 30, lost: 0, msg: 'the recording can be written again' },
  ])
  expect((await replayed(file)).starts).toEqual([1, 2])
})

it('keeps no more than 8 MiB while it cannot write', { timeout: 30_000 }, async () => {
  const file = join(temporaryPath('missing'), 'events.jsonl')
  const { capture, lines } = await startCapture(file)
  await until(() => lines.length > 0, 'the failure')
  for (let i = 0; i < 100_000; i++) capture.record(sendStart(i))
  mkdirSync(dirname(file))
  await until(() => lines.length > 1, 'that it can be written')
  await capture.close()
  const kept = linesOf(file).length
  expect(statSync(file).size / 2 ** 20).toBeCloseTo(8, 1)
  expect(lines.at(-1)).toMatchObject({ msg: 'the recording can be written again', lost: 100_000 - kept })
})
