import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { journalFiles, rotatedFiles, rotatedName } from '../../../agent/journal/files.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { blockAt, blocks, journalWith, ndjson } from './blocks-journal.ts'
import { append, heightsIn, heightsOf, linesIn, openLoggedJournal } from './logged-journal.ts'

const sizeOf = (path: string) => statSync(path).size
const sum = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0)
const CANNOT_TIDY = 'cannot rotate the journal or delete old files of it'
const GONE = 'the journal was renamed or deleted; going on in a new file'

describe('a file that is full', () => {
  it('is renamed to the time of that, and the next record begins another', async () => {
    const path = journalWith('')
    const { journal, logged } = await openLoggedJournal(path, { maxFileBytes: 3_000 })
    const start = new Date()
    await append(journal, ...blocks(20))
    const end = new Date()

    expect(linesIn(path)).toEqual(blocks(20))
    const rotated = rotatedFiles(path)
    expect(rotated.length).toBeGreaterThan(3)
    for (const file of rotated) {
      expect(basename(file)).toMatch(/^blocks\.ndjson\.\d{8}T\d{6}\.\d{3}Z$/)
      expect(file >= rotatedName(path, start) && file <= rotatedName(path, new Date(end.getTime() + 20))).toBe(true)
      expect(sizeOf(file)).toBeGreaterThanOrEqual(3_000)
      expect(sizeOf(file)).toBeLessThan(4_500)
      expect(readFileSync(file, 'utf8')).toMatch(/^\{.*\}\n$/s)
    }
    expect(sizeOf(path)).toBeLessThan(4_500)
    expect(logged).toEqual(rotated.map((name) => ({ level: 30, journal: path, rotated: name, msg: 'journal rotated' })))
  })

  it('grows on where it cannot be renamed, which is said once', async () => {
    const path = join(temporaryDirectory(), 'b'.repeat(250)) // a longer name would be too long
    const { journal, logged } = await openLoggedJournal(path, { maxFileBytes: 2_000 })
    await append(journal, ...blocks(20))
    expect(linesIn(path)).toEqual(blocks(20))
    expect(journal.state.failed).toBe(0)
    expect(logged).toMatchObject([{ level: 50, journal: path, err: { code: 'ENAMETOOLONG' }, msg: CANNOT_TIDY }])
  })
})

describe('what is kept', () => {
  const files = {
    '20200101T000000.000Z': ndjson(blocks(4)),
    '20250101T000000.000Z': ndjson(blocks(8).slice(4)),
    '20260101T000000.000Z': ndjson(blocks(12).slice(8)),
  }
  const current = ndjson(blocks(16).slice(12))
  const sizes = [...Object.values(files), current].map(({ length }) => length)

  it('by size: the oldest files are deleted when they are too much together', async () => {
    const path = journalWith('')
    const { journal } = await openLoggedJournal(path, { maxFileBytes: 5_000, keep: { bytes: 20_000 } })
    for (const record of blocks(200)) {
      await append(journal, record)
      expect(sum(journalFiles(path).map(sizeOf))).toBeLessThan(20_000 + 5_000 + 1_500)
    }
    const kept = heightsIn(path)
    expect(kept.length).toBeGreaterThan(10)
    expect(kept).toEqual(heightsOf(blocks(200).slice(-kept.length)))
  })

  it.for([
    [sum(sizes), 3],
    [sum(sizes) - 1, 2],
    [sum(sizes.slice(1)), 2],
    [sum(sizes.slice(1)) - 1, 1],
    [sum(sizes.slice(2)) - 1, 0],
    [1, 0],
  ] as const)('by size: of four files together, %i bytes leave %i rotated ones', async ([bytes, count]) => {
    const path = journalWith(current, files)
    const { logged } = await openLoggedJournal(path, { keep: { bytes } })
    expect(linesIn(path)).toEqual(blocks(16).slice(4 * (3 - count)))
    expect(logged.map(({ msg }) => msg)).toEqual(Array(3 - count).fill('old journal deleted'))
  })

  it('by age: files are deleted that many days after they were rotated', async () => {
    const daysAgo = (days: number) => rotatedName('', new Date(Date.now() - days * 86_400_000)).slice(1)
    const times = [400, 31, 29, 0].map(daysAgo)
    const path = journalWith('', Object.fromEntries(times.map((time, i) => [time, ndjson([blockAt(i)])])))
    await openLoggedJournal(path, { keep: { days: 30 } })
    expect(rotatedFiles(path)).toEqual(times.slice(2).map((time) => `${path}.${time}`))
  })

  describe('by age, when the clock is wrong', () => {
    const DAY_MS = 86_400_000
    const now = Date.now()
    /** A file that was rotated so many days ago. */
    const rotatedAgo = (days: number) => ({ [rotatedName('', new Date(now - days * DAY_MS)).slice(1)]: ndjson([blockAt(0)]) })
    /** Records of so many days, one an hour, the last so many days ago. */
    const recordsOf = (days: number, lastDaysAgo: number) =>
      Array.from({ length: days * 24 }, (_, i) => {
        const ms = now - lastDaysAgo * DAY_MS - (days * 24 - i) * 3_600_000
        return blockAt(i, { time: new Date(ms).toISOString() })
      })
    const kept = async (path: string) => {
      const { journal } = await openLoggedJournal(path, { keep: { days: 30 } })
      await journal.close()
      return rotatedFiles(path).length
    }

    it('keeps what was written before a leap of the clock, although all of it looks old', async () => {
      const path = journalWith(ndjson(recordsOf(5, 5_000)), { ...rotatedAgo(5_020), ...rotatedAgo(5_006) })
      expect(await kept(path)).toBe(2)
    })

    it('keeps it at the next start as well, when there are records of after the leap', async () => {
      const records = [...recordsOf(5, 5_000), ...recordsOf(1, 0)]
      const path = journalWith(ndjson(records), { ...rotatedAgo(5_020), ...rotatedAgo(5_006) })
      expect(await kept(path)).toBe(2)
    })

    it('keeps what is young although the clock was ahead for a while', async () => {
      const records = [...recordsOf(5, 5), ...recordsOf(1, -5_000), ...recordsOf(4, 0)]
      const path = journalWith(ndjson(records), { ...rotatedAgo(40), ...rotatedAgo(10) })
      expect(await kept(path)).toBe(1)
    })

    it('deletes what is old where the records go on without a leap', async () => {
      const path = journalWith(ndjson(recordsOf(32, 0)), { ...rotatedAgo(60), ...rotatedAgo(33) })
      expect(await kept(path)).toBe(0)
    })

    it('takes no file for one of its own whose name says no time', async () => {
      const path = journalWith(ndjson(recordsOf(32, 0)), { ...rotatedAgo(33), '99999999T999999.999Z': 'of somebody else' })
      expect(await kept(path)).toBe(0)
      expect(readFileSync(`${path}.99999999T999999.999Z`, 'utf8')).toBe('of somebody else')
    })

    it('goes by the time that passes, whatever becomes of the clock while the agent runs', async () => {
      const path = journalWith(ndjson(recordsOf(5, 0)), rotatedAgo(6))
      const { journal } = await openLoggedJournal(path, { keep: { days: 30 }, maxFileBytes: 60_000 })
      vi.setSystemTime(now + 5_000 * DAY_MS)
      onTestFinished(() => void vi.useRealTimers())
      await append(journal, ...blocks(200))
      expect(rotatedFiles(path).length).toBeGreaterThan(3)
      expect(rotatedFiles(path)).toContain(`${path}.${Object.keys(rotatedAgo(6))[0]}`)
    })
  })

  it('does not concern files of other names', async () => {
    const path = journalWith('')
    const others = ['blocks.ndjson.1', 'blocks.ndjson.20200101T000000.000Z.gz', 'other.ndjson.20200101T000000.000Z', 'blocks.ndjson~']
    for (const name of others) writeFileSync(join(dirname(path), name), 'x'.repeat(1_000))
    await openLoggedJournal(path, { keep: { bytes: 1 } })
    await openLoggedJournal(path, { keep: { days: 1 } })
    expect(readdirSync(dirname(path)).sort()).toEqual(['blocks.ndjson', 'blocks.ndjson.lock', ...others].sort())
  })

  it('is more where files cannot be deleted, which is said once and costs no record', async () => {
    const path = journalWith('')
    mkdirSync(`${path}.20200101T000000.000Z`)
    const { journal, logged } = await openLoggedJournal(path, { maxFileBytes: 2_000, keep: { days: 1 } })
    await append(journal, ...blocks(20))
    expect(journal.state).toMatchObject({ failed: 0, written: new Map([['fra1', 20]]) })
    expect(logged.filter(({ level }) => level > 30)).toMatchObject([{ journal: path, msg: CANNOT_TIDY }])
  })
})

describe('a file that somebody else', () => {
  it('renames gets no more; the next record begins another', async () => {
    const path = journalWith('')
    const { journal, logged } = await openLoggedJournal(path)
    await append(journal, blockAt(0))
    renameSync(path, `${path}.1`)
    await append(journal, blockAt(1))
    expect([`${path}.1`, path].map((file) => readFileSync(file, 'utf8'))).toEqual([ndjson([blockAt(0)]), ndjson([blockAt(1)])])
    expect(logged).toEqual([{ level: 30, journal: path, msg: GONE }])
  })

  it('renames is there again as soon as it is reopened', async () => {
    const path = journalWith(ndjson([blockAt(0)]))
    const { journal } = await openLoggedJournal(path)
    renameSync(path, `${path}.1`)
    journal.reopen()
    await journal.flush()
    expect(sizeOf(path)).toBe(0)
  })

  it('deletes, with its folder, is made anew', async () => {
    const path = join(temporaryDirectory(), 'journal/blocks.ndjson')
    const { journal, logged } = await openLoggedJournal(path)
    await append(journal, blockAt(0))
    rmSync(dirname(path), { recursive: true })
    await append(journal, blockAt(1))
    expect(linesIn(path)).toEqual([blockAt(1)])
    expect(logged).toEqual([{ level: 30, journal: path, msg: GONE }])
  })

  it('replaces by another journal is that one from then on', async () => {
    const path = journalWith('')
    const { journal } = await openLoggedJournal(path)
    await append(journal, blockAt(0))
    renameSync(journalWith(ndjson([blockAt(7)])), path)
    await append(journal, blockAt(1))
    expect(linesIn(path)).toEqual([blockAt(7), blockAt(1)])
  })
})
