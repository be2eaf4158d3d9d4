import type { BlockRecord } from '../../blocks/record.ts'
import { JournalError, readInOrder, readJournal } from '../../journal/read.ts'
import { type Filter, fits } from './filter.ts'

/** Counts of what was read in a journal. */
export interface Tally {
  records: number
  unreadable: number
  selected: number
}

export interface BlockSelection {
  readonly filter: Filter
  /** The newest so many of those that fit. */
  readonly last: number | undefined
}

/** The blocks that are asked for, oldest first. They are not always written in that order: each waits for its race. */
export function* select(path: string, { filter, last }: BlockSelection, tally: Tally): Generator<BlockRecord> {
  for (const record of last === undefined ? fittingOf(path, filter, tally) : newestOf(path, filter, last, tally)) {
    tally.selected++
    yield record
  }
}

function* fittingOf(path: string, filter: Filter, tally: Tally): Generator<BlockRecord> {
  const fitsAndCount = (record: BlockRecord) => {
    tally.records++
    return fits(record, filter)
  }
  yield* readInOrder(path, { onUnreadable: () => void tally.unreadable++, fits: fitsAndCount })
  requireRecords(path, tally)
}

/** The newest are mostly the last written; of the others little more is read than their times. */
function newestOf(path: string, filter: Filter, last: number, tally: Tally): readonly BlockRecord[] {
  const newest: BlockRecord[] = [] // newest first
  const isWanted = (time: string) => newest.length < last || time > (newest.at(-1)?.time ?? '')
  for (const record of readJournal(path, { direction: 'backwards', onUnreadable: () => void tally.unreadable++, isWanted })) {
    tally.records++
    if (!isWanted(record.time) || !fits(record, filter)) continue
    // Of the same time, the one that was written later stands behind.
    newest.splice(newest.findLastIndex(({ time }) => time >= record.time) + 1, 0, record)
    if (newest.length > last) newest.pop()
  }
  requireRecords(path, tally)
  return newest.reverse()
}

function requireRecords(path: string, tally: Tally): void {
  if (tally.records === 0 && tally.unreadable > 0)
    throw new JournalError(
      `${path} is no journal of fibre-agent: none of its ${lines(tally.unreadable)} is the record of a block; name the journal with --journal FILE`,
    )
}

export function lines(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`
}
