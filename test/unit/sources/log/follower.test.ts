import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Follower } from '../../../../agent/sources/log/follower.ts'
import { LineSplitter } from '../../../../agent/sources/log/line-splitter.ts'
import { NodeLog } from '../../../../agent/sources/log/node-log.ts'
import { temporaryDirectory } from '../../../harness/temporary.ts'
import { until } from '../../../harness/until.ts'

const hashOf = (number: number) => number.toString(16).padStart(64, '0')
/** A line of a second of its own, which only that block has. */
const lineOf = (number: number) =>
  `${new Date(1_795_000_000_000 + number * 1000).toISOString().slice(0, -1)}000Z UDP: Starting header send for block ${hashOf(number)} at 1 us\n`
const linesOf = (...numbers: readonly number[]) => numbers.map(lineOf).join('')

/** Follows a log that need not be there, and collects the numbers of the blocks that are told of. */
function follow(path: string) {
  const told: number[] = []
  const gaps: string[] = []
  const log = new NodeLog({
    event: (event) => void told.push(Number.parseInt('blockHash' in event ? (event.blockHash ?? '') : '', 16)),
    message() {},
    header() {},
    gap: (reason) => void gaps.push(reason),
    observed() {},
  })
  const follower = new Follower(path, log)
  onTestFinished(() => follower.close())
  follower.start()
  const tells = async (...numbers: readonly number[]) => {
    await until(() => told.length >= numbers.length, `blocks ${numbers}, not ${told}`, 5000)
    expect(told).toEqual(numbers)
  }
  return { follower, tells, gaps }
}

const logPath = () => join(temporaryDirectory(), 'debug.log')

it('begins at the end, and reads what is written since', async () => {
  const path = logPath()
  writeFileSync(path, linesOf(1, 2))
  const { tells, gaps } = follow(path)
  appendFileSync(path, linesOf(3, 4))
  await tells(3, 4)
  expect(gaps).toEqual([])
})

it('reads a line that is written in pieces, the first of them before the start', async () => {
  const path = logPath()
  const [start, middle, end] = [lineOf(2).slice(0, 30), lineOf(2).slice(30, 60), lineOf(2).slice(60)]
  writeFileSync(path, linesOf(1) + start)
  const { follower, tells } = follow(path)
  for (const piece of [middle, end]) {
    appendFileSync(path, piece)
    await until(() => follower.waitingMs > 0 || piece === end, 'a look').catch(() => {})
    await until(() => follower.waitingMs === 0, 'the look to be over')
  }
  await tells(2)
})

it('goes on in the new file after each of three rotations, and reads what bitcoind still writes to the old one', async () => {
  const path = logPath()
  writeFileSync(path, linesOf(1))
  const { follower, tells, gaps } = follow(path)
  const written: number[] = []
  const write = async (file: string, number: number) => {
    appendFileSync(file, lineOf(number))
    written.push(number)
    await tells(...written)
  }
  for (const number of [10, 20, 30]) {
    await write(path, number)
    renameSync(path, `${path}.1`)
    await write(`${path}.1`, number + 1) // bitcoind has not been told yet
    if (number > 10) writeFileSync(path, '') // logrotate's `create`
    await write(`${path}.1`, number + 2)
    appendFileSync(`${path}.1`, lineOf(number + 3))
    appendFileSync(path, lineOf(number + 4))
    written.push(number + 3, number + 4)
    await tells(...written)
  }
  expect(gaps).toEqual([])
  expect(follower.fault).toBeUndefined()
})

it('knows of a gap when a file came and went between two looks', async () => {
  const path = logPath()
  writeFileSync(path, linesOf(1))
  const { tells, gaps } = follow(path)
  renameSync(path, `${path}.2`)
  writeFileSync(`${path}.1`, lineOf(2))
  utimesSync(`${path}.2`, 1, 1)
  writeFileSync(path, lineOf(3))
  await tells(3)
  expect(gaps).toEqual(['the log was rotated more than once before it was looked at'])
})

it('knows that lines may be missing after copytruncate, and reads those that come', async () => {
  const path = logPath()
  writeFileSync(path, linesOf(1))
  const { tells, gaps } = follow(path)
  appendFileSync(path, linesOf(2))
  await tells(2)
  truncateSync(path)
  appendFileSync(path, linesOf(3))
  await tells(2, 3)
  expect(gaps).toEqual(['the log was cut, and what was not read by then is gone'])
})

it('notices that a file was cut although it is longer than before when it is looked at', async () => {
  const path = logPath()
  writeFileSync(path, linesOf(1))
  const { tells, gaps } = follow(path)
  truncateSync(path)
  appendFileSync(path, linesOf(2, 3, 4, 5))
  await tells(2, 3, 4, 5)
  expect(gaps).toHaveLength(1)
})

it('begins at the end again when a log without times holds what it held before it was cut', async () => {
  const path = logPath()
  const untimed = (number: number) => lineOf(number).slice(28)
  writeFileSync(path, untimed(1).repeat(20_000))
  const { tells, gaps } = follow(path)
  appendFileSync(path, untimed(2))
  await tells(2)
  truncateSync(path, untimed(1).length * 15_000)
  await until(() => gaps.length > 0, 'the gap')
  appendFileSync(path, untimed(3))
  await tells(2, 3)
  truncateSync(path)
  appendFileSync(path, untimed(4))
  await tells(2, 3, 4)
})

it('takes what bitcoind keeps when it shortens its log at its start for no news', async () => {
  const path = logPath()
  writeFileSync(path, linesOf(1, 2, 3, 4))
  const { tells, gaps } = follow(path)
  writeFileSync(path, lineOf(2).slice(40) + linesOf(3, 4))
  appendFileSync(path, linesOf(5))
  await tells(5)
  expect(gaps).toEqual([])
})

it('reads the file that takes the place of one that was deleted, but nothing of it twice', async () => {
  const path = logPath()
  writeFileSync(path, linesOf(1))
  const { tells } = follow(path)
  appendFileSync(path, linesOf(2))
  await tells(2)
  copyFileSync(path, `${path}.copy`)
  rmSync(path)
  renameSync(`${path}.copy`, path)
  appendFileSync(path, linesOf(3))
  await tells(2, 3)
  rmSync(path)
  writeFileSync(path, linesOf(4))
  await tells(2, 3, 4)
})

it('waits for a log, and for its directory, says what is missing, and takes only what is newer than its start for news', async () => {
  const directory = join(temporaryDirectory(), 'later')
  const path = join(directory, 'debug.log')
  const { follower, tells } = follow(path)
  expect(follower.fault).toBe(`${path} is not there`)
  mkdirSync(directory)
  const nowLine = lineOf(3).replace(/^\S+/, `${new Date().toISOString().slice(0, -1)}000Z`)
  writeFileSync(`${path}.new`, linesOf(1, 2) + nowLine)
  renameSync(`${path}.new`, path)
  await tells(3)
  expect(follower.fault).toBeUndefined()
})

it('reads a log without times that comes later', async () => {
  const path = logPath()
  const { tells } = follow(path)
  writeFileSync(path, 'Bitcoin Core starts\n'.repeat(64))
  appendFileSync(path, lineOf(1).slice(28))
  await tells(1)
})

it('takes nothing but a file for a log, and begins at the end of one that can be read at last', async () => {
  const path = logPath()
  mkdirSync(path)
  const { follower, tells } = follow(path)
  expect(follower.fault).toBe(`${path} cannot be read: it is no file`)
  writeFileSync(`${path}.old`, linesOf(1))
  rmdirSync(path)
  renameSync(`${path}.old`, path)
  await until(() => follower.fault === undefined, 'the log')
  appendFileSync(path, linesOf(2))
  await tells(2)
})

it('says once that a line has no end, and goes on after it', async () => {
  const path = logPath()
  writeFileSync(path, '')
  const { tells, gaps } = follow(path)
  for (let i = 0; i < 8; i++) appendFileSync(path, Buffer.alloc(1024 * 1024, 'x'))
  appendFileSync(path, `\n${linesOf(1)}`)
  await tells(1)
  expect(gaps).toEqual(['a line of the log is too long'])
})

it('keeps nothing of a line without end', () => {
  const splitter = new LineSplitter(() => {})
  const chunk = Buffer.alloc(256 * 1024, 'x')
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 1000; i++) splitter.split(chunk)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
  expect(splitter.split(Buffer.from('end of it\nnext\n'))).toEqual(['next'])
})

it('has read everything when it is closed', async () => {
  const path = logPath()
  writeFileSync(path, '')
  const { follower, tells } = follow(path)
  const numbers = Array.from({ length: 20_000 }, (_, i) => i)
  appendFileSync(path, linesOf(...numbers))
  await follower.close()
  await tells(...numbers)
  expect(existsSync(path)).toBe(true)
})
