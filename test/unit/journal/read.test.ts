import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readdirSync, readlinkSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { journalFiles } from '../../../agent/journal/files.ts'
import type { Direction } from '../../../agent/journal/lines.ts'
import { JournalError, readJournal } from '../../../agent/journal/read.ts'
import fc, { propertyOptions } from '../../harness/fast-check.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { until } from '../../harness/until.ts'
import { blockAt, blocks, journalWith, ndjson } from './blocks-journal.ts'

/** Heights of the records that are read, and how many lines were not. */
function read(path: string, direction: Direction) {
  let unreadable = 0
  const records = [...readJournal(path, { direction, onUnreadable: () => unreadable++ })]
  return { records, unreadable }
}

it('names the files of a journal, oldest first, and no others of the folder', () => {
  const path = journalWith('', { '20261122T101530.123Z': '', '20251122T101530.123Z': '', '20261122T101530.124Z': '' })
  for (const other of [`${path}.1`, `${path}.gz`, `${path}.20261122T101530.123Z.gz`, join(path, '../other.20261122T101530.123Z')])
    writeFileSync(other, '')
  expect(journalFiles(path)).toEqual([`${path}.20251122T101530.123Z`, `${path}.20261122T101530.123Z`, `${path}.20261122T101530.124Z`, path])
})

/** A line of a random journal: shorter than a block that is read (64 KiB) or several of them long, perhaps torn, perhaps with an empty one behind it. */
const randomLine = fc.record({
  length: fc.oneof({ weight: 3, arbitrary: fc.nat(3_000) }, { weight: 1, arbitrary: fc.integer({ min: 60_000, max: 200_000 }) }),
  /** Which share of it is there. */
  torn: fc.option(fc.double({ min: 0, max: 0.999, noNaN: true }), { freq: 5 }),
  isBeforeEmptyLine: fc.integer({ min: 0, max: 4 }).map((number) => number === 4),
})
const randomFile = fc.record({ lines: fc.array(randomLine, { maxLength: 60, size: 'max' }), isEnded: fc.boolean() })

it('reads a random journal the same forwards and backwards', propertyOptions, () => {
  const property = fc.property(fc.array(randomFile, { minLength: 1, maxLength: 4 }), (files) => {
    const written: number[] = []
    let [number, unreadable] = [0, 0]
    const texts = files.map(({ lines, isEnded }) => {
      const texts = lines.flatMap(({ length, torn, isBeforeEmptyLine }) => {
        const line = JSON.stringify(blockAt(number, { coinbase_text: 'é'.repeat(length) }))
        if (torn === null) written.push(900_000 + number)
        else unreadable++
        number++
        return [torn === null ? line : line.slice(0, 1 + Math.floor(torn * (line.length - 1))), ...(isBeforeEmptyLine ? [''] : [])]
      })
      return texts.join('\n') + (isEnded ? '\n' : '')
    })
    const rotated = texts.slice(0, -1).map((text, index) => [`2026112${index}T101530.123Z`, text] as const)
    const path = journalWith(texts.at(-1) ?? '', Object.fromEntries(rotated))

    const forwards = read(path, 'forwards')
    expect(forwards.records.map(({ height }) => height)).toEqual(written)
    expect(forwards.unreadable).toBe(unreadable)
    const backwards = read(path, 'backwards')
    expect(backwards.records).toEqual(forwards.records.toReversed())
    expect(backwards.unreadable).toBe(unreadable)
    rmSync(dirname(path), { recursive: true })
  })
  fc.assert(property, { numRuns: 30 })
})

describe('lines that hold no record', () => {
  const good = JSON.stringify(blockAt(0))
  it.each([
    ['torn', good.slice(0, 300)],
    ['of another program', '{"level":30,"msg":"hello"}'],
    ['of a later schema', JSON.stringify({ ...blockAt(0), schema: 2 })],
    ['with a field of another kind', JSON.stringify({ ...blockAt(0), height: '900000' })],
    ['nested without end', `${good.slice(0, -1)},"more":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['with a number without end', good.replace(/"height":\d+/, '"height":1e999')],
    ['of zeros, as a power failure leaves them', '\0'.repeat(5000)],
    ['of 3 MiB without an end', 'x'.repeat(3 * 2 ** 20)],
    ['that are a list', `[${good}]`],
    ['that are null', 'null'],
  ])('are counted, and others read: %s', (_, line) => {
    const path = journalWith(`${good}\n${line}\n${good}\n${line}`)
    for (const direction of ['forwards', 'backwards'] as const) {
      const { records, unreadable } = read(path, direction)
      expect(records).toEqual([blockAt(0), blockAt(0)])
      expect(unreadable).toBe(2)
    }
  })
})

it('does not hold a line that has no end', () => {
  const path = journalWith(ndjson([blockAt(0)]))
  truncateSync(path, 2 ** 28)
  for (const direction of ['forwards', 'backwards'] as const) {
    let held = 0
    const onUnreadable = () => {
      held = process.memoryUsage().arrayBuffers
    }
    expect([...readJournal(path, { direction, onUnreadable })]).toEqual([blockAt(0)])
    expect(held).toBeLessThan(2 ** 27)
  }
})

describe('while the agent writes', () => {
  it('reads each record that there was once, when the file is rotated under its hands', () => {
    const path = journalWith(ndjson(blocks(10)))
    const reading = readJournal(path, { direction: 'forwards' })
    const first = reading.next().value
    renameSync(path, `${path}.20261122T101530.123Z`)
    writeFileSync(path, ndjson([blockAt(10)]))
    expect([first, ...reading]).toEqual(blocks(10))
    expect(read(path, 'backwards').records).toEqual(blocks(11).toReversed())
  })

  it('leaves out what is appended meanwhile', () => {
    const path = journalWith(ndjson(blocks(2)))
    const reading = readJournal(path, { direction: 'forwards' })
    const first = reading.next().value
    appendFileSync(path, ndjson([blockAt(2)]))
    expect([first, ...reading]).toEqual(blocks(2))
  })

  it('goes on where a file has become too old and is gone', () => {
    const path = journalWith(ndjson([blockAt(2)]), {
      '20261122T101530.123Z': ndjson([blockAt(1)]),
      '20261121T101530.123Z': ndjson([blockAt(0)]),
    })
    const reading = readJournal(path, { direction: 'backwards' })
    const first = reading.next().value
    rmSync(`${path}.20261121T101530.123Z`)
    expect([first, ...reading]).toEqual([blockAt(2), blockAt(1)])
  })

  it('reads rotated files in the moment when there is no other', () => {
    const path = journalWith('', { '20261122T101530.123Z': ndjson([blockAt(1)]) })
    rmSync(path)
    expect(read(path, 'backwards').records).toEqual([blockAt(1)])
  })
})

/** Writes records of heights 1, 2, 3, …, and rotates after every third; keeps ten files. */
const writer = `
const { appendFileSync, renameSync, rmSync } = require('node:fs')
const path = process.argv[1]
const rotated = []
let height = 0
setInterval(() => {
  for (let turn = 0; turn < 20; turn++) {
    appendFileSync(path, JSON.stringify({ schema: 1, time: '2026-11-22T00:00:00Z', node: 'n', block_hash: 'ab', path: 'other', height: ++height }) + '\\n')
    if (height % 3) continue
    rotated.push(path + '.' + new Date(height * 1000).toISOString().replace(/[-:]/g, ''))
    renameSync(path, rotated.at(-1))
    if (rotated.length > 10) rmSync(rotated.shift())
  }
}, 1)`

it('reads no record twice and misses none while another process writes, rotates and deletes', async () => {
  const path = join(temporaryDirectory(), 'blocks.ndjson')
  const child = spawn(process.execPath, ['-e', writer, path], { stdio: 'inherit' })
  const exited = once(child, 'exit')
  onTestFinished(async () => {
    child.kill()
    await exited // it writes until then, and its folder is taken away next
  })
  await until(() => existsSync(path) && read(path, 'backwards').records.length > 30, 'thirty records')
  for (let time = 0; time < 500; time++) {
    const heights = read(path, 'backwards').records.map(({ height = 0 }) => height)
    expect(heights).toEqual(heights.map((_, index) => (heights[0] ?? 0) - index))
    await setImmediate()
  }
  expect(openFiles()).not.toContain(path)
})

it('closes its files when not all is asked for', () => {
  const path = journalWith(ndjson(blocks(1000)))
  for (let time = 0; time < 3; time++) expect(readJournal(path, { direction: 'backwards' }).take(3).toArray()).toHaveLength(3)
  expect(openFiles()).not.toContain(path)
})

/** Paths of the files that this process has open. */
function openFiles(): readonly string[] {
  const descriptors = readdirSync('/proc/self/fd').map((fd) => `/proc/self/fd/${fd}`)
  return descriptors.filter((link) => existsSync(link)).map((link) => readlinkSync(link)) // not that of the listing itself
}

describe('what cannot be read is told by its path and the way out', () => {
  const refusal = (path: string) => {
    expect(() => [...readJournal(path, { direction: 'backwards' })]).toThrow(JournalError)
    try {
      return String(readJournal(path, { direction: 'backwards' }).next())
    } catch (error) {
      return (error as Error).message
    }
  }

  it('when it is missing, or its folder is', () => {
    const directory = temporaryDirectory()
    for (const path of [join(directory, 'blocks.ndjson'), join(directory, 'nowhere', 'blocks.ndjson')])
      expect(refusal(path)).toBe(
        `there is no journal ${path}; the agent makes it when it starts; one that is elsewhere is named with --journal FILE`,
      )
  })

  it('when it is a folder or a pipe', () => {
    const directory = temporaryDirectory()
    expect(refusal(directory)).toBe(`${directory} is a directory; name the journal's file with --journal FILE`)
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    expect(refusal(pipe)).toBe(`${pipe} is no regular file; name the journal's file with --journal FILE`)
  })
})
