import { execFileSync } from 'node:child_process'
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { mountMemory } from '../../harness/mounted.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { until } from '../../harness/until.ts'
import { blockAt, blocks, journalWith, ndjson } from './blocks-journal.ts'
import { append, heightsIn, heightsOf, linesIn, openLoggedJournal, textOf } from './logged-journal.ts'

const CANNOT = 'cannot write the journal; measuring goes on, and records wait'
const CAN_AGAIN = 'the journal can be written again'

describe('a full disk', () => {
  it('holds records up until there is room; then they are written, each once and in order', async (context) => {
    const directory = mountMemory(context)
    const path = join(directory, 'blocks.ndjson')
    writeFileSync(join(directory, 'filler'), Buffer.alloc(40_000))
    const { journal, logged } = await openLoggedJournal(path)
    const records = blocks(60)
    await append(journal, ...records.slice(0, 50))
    const { failed } = journal.state
    expect(failed).toBeGreaterThan(10)
    expect(journal.state.written.get('fra1')).toBe(50 - failed)
    expect(statfsSync(directory).bavail).toBe(0)
    expect(logged).toEqual([{ level: 50, journal: path, reason: 'the disk is full: make room there', msg: CANNOT }])

    rmSync(join(directory, 'filler'))
    await append(journal, ...records.slice(50))
    expect(journal.state).toEqual({ written: new Map([['fra1', 60]]), failed })
    expect(logged.slice(1)).toEqual([{ level: 30, journal: path, lost: 0, msg: CAN_AGAIN }])
    const lines = textOf(path).split('\n')
    const whole = ndjson(records).split('\n')
    const torn = lines.filter((line) => !whole.includes(line))
    expect(torn.length).toBeLessThanOrEqual(1)
    expect(lines.filter((line) => !torn.includes(line))).toEqual(whole)
  })

  it('is met again and again without end', async (context) => {
    const directory = mountMemory(context)
    const path = join(directory, 'blocks.ndjson')
    const { journal, logged } = await openLoggedJournal(path)
    const records = blocks(30)
    for (const record of records) {
      expect(() => writeFileSync(join(directory, 'filler'), Buffer.alloc(2 ** 17))).toThrow('ENOSPC')
      await append(journal, record)
      rmSync(join(directory, 'filler'))
      journal.reopen()
      await journal.flush()
    }
    const lines = textOf(path).split('\n')
    const whole = ndjson(records).split('\n')
    expect(lines.filter((line) => whole.includes(line))).toEqual(whole)
    expect(logged.map(({ msg }) => msg)).toEqual(Array.from(logged, (_, i) => (i % 2 === 0 ? CANNOT : CAN_AGAIN)))
    expect(logged.length).toBeGreaterThan(4)
  })
})

describe('what cannot be written to', () => {
  const elsewhere = 'name another file with --journal PATH'
  const somethingElse = `it holds something else, which is left as it is: ${elsewhere}`
  const aLink = 'it is a symbolic link: name what it leads to with --journal PATH'
  const noFile = `it is no regular file, which is left as it is: ${elsewhere}`
  const holding = (content: string | Buffer) => (path: string) => writeFileSync(path, content)
  const random = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251))

  it.for([
    ['a directory', (path: string) => mkdirSync(path), `it is a directory: ${elsewhere}`],
    ['a symbolic link', (path: string) => symlinkSync(journalWith(''), path), aLink],
    ['a link to nowhere', (path: string) => symlinkSync('/nonesuch/x', path), aLink],
    ['a pipe', (path: string) => execFileSync('mkfifo', [path]), noFile],
    ['text', holding('root:x:0:0:root:/root:/bin/bash\n'), somethingElse],
    ['one brace', holding('{\n}\n'), somethingElse],
    ['lines of other JSON', holding('{"schema":1,"name":"x"}\n{"schema":2}\n'), somethingElse],
    ['binary', holding(random), somethingElse],
    ['zeros', holding(Buffer.alloc(10_000)), somethingElse],
    ['a journal with a foreign end', holding(Buffer.concat([Buffer.from(ndjson(blocks(5))), random])), somethingElse],
  ] as const)('%s is left as it is, and said; records wait until it is gone', async ([, make, reason]) => {
    const path = join(temporaryDirectory(), 'blocks.ndjson')
    make(path)
    const before = lstatSync(path)
    const { journal, logged } = await openLoggedJournal(path)
    expect(journal.recent()).toEqual([])
    await append(journal, ...blocks(3))
    journal.reopen()
    await journal.flush()
    expect(journal.state).toEqual({ written: new Map(), failed: 3 })
    expect(logged).toEqual([{ level: 50, journal: path, reason, msg: CANNOT }])
    expect(lstatSync(path)).toMatchObject({ ino: before.ino, size: before.size, mtimeMs: before.mtimeMs })

    renameSync(path, `${path}.away`)
    await append(journal, blockAt(3))
    expect(linesIn(path)).toEqual(blocks(4))
    expect(journal.state).toEqual({ written: new Map([['fra1', 4]]), failed: 3 })
    expect(journal.fault).toBeUndefined()
    expect(logged.slice(1)).toEqual([{ level: 30, journal: path, lost: 0, msg: CAN_AGAIN }])
  })

  it('is written again as soon as that is possible, also when no block comes', async (context) => {
    const directory = mountMemory(context)
    const remount = (mode: 'ro' | 'rw') => execFileSync('mount', ['-o', `remount,${mode}`, directory])
    const path = join(directory, 'blocks.ndjson')
    remount('ro')
    const { journal, logged } = await openLoggedJournal(path, { retryMs: 20 })
    await append(journal, blockAt(0))
    expect(logged).toMatchObject([{ reason: expect.stringMatching(/^it is read-only there: /), msg: CANNOT }])
    remount('rw')
    await until(() => journal.state.written.size > 0, 'the record to be written')
    expect(linesIn(path)).toEqual([blockAt(0)])
  })

  it.for([
    ['/proc/nonesuch/journal/blocks.ndjson', `its folder cannot be made: make it, or ${elsewhere}`],
    ['/dev/null/blocks.ndjson', `part of its path is a file: ${elsewhere}`],
    ['/dev/full', noFile],
  ] as const)('is said of %s', async ([path, reason]) => {
    const { journal, logged } = await openLoggedJournal(path)
    await append(journal, blockAt(0))
    expect(logged).toEqual([{ level: 50, journal: path, reason, msg: CANNOT }])
    expect(journal.fault).toBe(reason)
  })

  it('can take the place of what could', async () => {
    const path = journalWith('')
    const { journal, logged } = await openLoggedJournal(path)
    await append(journal, blockAt(0))
    renameSync(path, `${path}.away`)
    writeFileSync(path, 'something else')
    await append(journal, blockAt(1))
    expect(readFileSync(path, 'utf8')).toBe('something else')
    rmSync(dirname(path), { recursive: true })
    writeFileSync(dirname(path), '')
    await append(journal, blockAt(2))
    rmSync(dirname(path))
    await append(journal, blockAt(3))
    expect(linesIn(path)).toEqual(blocks(4).slice(1))
    expect(logged.map(({ msg, reason }) => reason ?? msg)).toEqual([
      'the journal was renamed or deleted; going on in a new file',
      somethingElse,
      `part of its path is a file: ${elsewhere}`,
      CAN_AGAIN,
    ])
  })

  it('does not fill the memory: of many records the newest 1,000 wait', async () => {
    const path = join(temporaryDirectory(), 'blocks.ndjson')
    mkdirSync(path)
    const { journal, logged } = await openLoggedJournal(path)
    await append(journal, ...blocks(1_100))
    expect(journal.state.failed).toBe(1_100)
    expect(logged.map(({ msg }) => msg)).toEqual([CANNOT, 'too many records wait for the journal: the oldest are lost'])
    rmSync(path, { recursive: true })
    journal.reopen()
    await journal.flush()
    expect(heightsIn(path)).toEqual(heightsOf(blocks(1_100).slice(100)))
    expect(logged.at(-1)).toMatchObject({ lost: 100, msg: CAN_AGAIN })
  })

  it('takes along what waits when the agent ends, which is said', async () => {
    const path = join(temporaryDirectory(), 'blocks.ndjson')
    mkdirSync(path)
    const { journal, logged } = await openLoggedJournal(path)
    await append(journal, ...blocks(3))
    await journal.close()
    expect(logged.at(-1)).toEqual({ level: 50, journal: path, lost: 3, msg: 'records could not be written to the journal' })
  })
})
