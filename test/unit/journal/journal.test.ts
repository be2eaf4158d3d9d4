import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import type { Journal } from '../../../agent/journal/journal.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { until } from '../../harness/until.ts'
import { blockAt, blocks, journalWith, ndjson } from './blocks-journal.ts'
import { append, heightsOf, openLoggedJournal } from './logged-journal.ts'

const read = (path: string) => readFileSync(path, 'utf8')
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

/** Calls of this process that write, to whatever it be. */
const writes = () => Number(/^syscw: (\d+)/m.exec(read('/proc/self/io'))?.[1])

describe('a journal', () => {
  it('has a line of JSON for each record as soon as it is appended', async () => {
    const path = journalWith('')
    const { journal } = await openLoggedJournal(path)
    await append(journal, blockAt(0))
    expect(read(path)).toBe(ndjson([blockAt(0)]))
    await append(journal, blockAt(1, { node: 'ams1' }))
    await append(journal, blockAt(2))
    expect(read(path)).toBe(ndjson([blockAt(0), blockAt(1, { node: 'ams1' }), blockAt(2)]))
    expect(journal.state).toEqual({ written: new Map(Object.entries({ fra1: 2, ams1: 1 })), failed: 0 })
  })

  it('writes all records of one turn of the event loop at once', async () => {
    const path = journalWith('')
    const { journal } = await openLoggedJournal(path)
    const writesOf = async (...records: readonly BlockRecord[]) => {
      const before = writes()
      await append(journal, ...records)
      return writes() - before
    }
    const one = await writesOf(blockAt(0))
    expect(one).toBeGreaterThan(0)
    expect(await writesOf(...blocks(1_000))).toBeLessThan(one + 10) // threads wake each other by writes, too
    expect(read(path).split('\n')).toHaveLength(1_002)
  })

  it('writes no record before what has to be on disk before it is, also when it comes while others are being written', async () => {
    const path = journalWith('')
    const lines = () => read(path).split('\n').length - 1
    let appended = 0
    let prepared = 0
    let journal: Journal | undefined
    const tooEarly: number[] = []
    const appendNext = () => journal?.append(blockAt(appended++))
    const before = async () => {
      if (lines() > prepared) tooEarly.push(lines())
      prepared = appended
      if (appended < 50) setImmediate(appendNext)
    }
    journal = (await openLoggedJournal(path, { before })).journal
    void journal.flush() // the first one comes while nothing waits
    await until(() => lines() >= 50, 'all records')
    expect(tooEarly).toEqual([])
  })

  it('is made with its folders, for its owner to write and its group to read', async () => {
    const path = join(temporaryDirectory(), 'var/lib/agent/blocks.ndjson')
    const { logged } = await openLoggedJournal(path)
    expect(read(path)).toBe('')
    expect([path, dirname(path), dirname(dirname(path))].map(modeOf)).toEqual(['640', '750', '750'])
    expect(logged).toEqual([])
  })

  it('goes on after what is there', async () => {
    const path = journalWith(ndjson(blocks(3)))
    const { journal } = await openLoggedJournal(path)
    await append(journal, blockAt(3))
    expect(read(path)).toBe(ndjson(blocks(4)))
  })

  it('hands out the records of before, oldest first', async () => {
    const times = { '20261120T000000.000Z': ndjson(blocks(2)), '20261121T000000.000Z': ndjson(blocks(5).slice(2)) }
    expect((await openLoggedJournal(journalWith(ndjson(blocks(9).slice(5)), times))).journal.recent()).toEqual(blocks(9))
    expect((await openLoggedJournal(journalWith(''))).journal.recent()).toEqual([])
    expect((await openLoggedJournal(join(temporaryDirectory(), 'new.ndjson'))).journal.recent()).toEqual([])
  })

  it('hands out the newest 2,000 where there are more', async () => {
    const records = blocks(2_500)
    const path = journalWith(ndjson(records.slice(1_000)), { '20261120T000000.000Z': ndjson(records.slice(0, 1_000)) })
    expect(heightsOf((await openLoggedJournal(path)).journal.recent())).toEqual(heightsOf(records.slice(500)))
  })
})

describe('a last line that was torn', () => {
  const before = ndjson(blocks(2))
  const last = JSON.stringify(blockAt(2))

  it('is ended, wherever it was torn, and nothing else is changed', async () => {
    for (let length = 1; length <= last.length; length += 13) {
      const path = journalWith(before + last.slice(0, length))
      const { journal } = await openLoggedJournal(path)
      await append(journal, blockAt(3))
      expect(read(path)).toBe(`${before}${last.slice(0, length)}\n${ndjson([blockAt(3)])}`)
      await journal.close()
    }
  })

  it.for([1, 5, 10, 200])('is ended when it is the only one, torn after %i characters', async (length) => {
    const path = journalWith(last.slice(0, length))
    const { journal } = await openLoggedJournal(path)
    await append(journal, blockAt(3))
    expect(read(path)).toBe(`${last.slice(0, length)}\n${ndjson([blockAt(3)])}`)
  })

  it('of zeros, as a power cut leaves them, is ended', async () => {
    const path = journalWith(`${before}${'\0'.repeat(3_000)}`)
    const { journal } = await openLoggedJournal(path)
    await append(journal, blockAt(3))
    expect(read(path)).toBe(`${before}${'\0'.repeat(3_000)}\n${ndjson([blockAt(3)])}`)
    expect(heightsOf((await openLoggedJournal(path)).journal.recent())).toEqual(heightsOf([blockAt(0), blockAt(1), blockAt(3)]))
  })
})
