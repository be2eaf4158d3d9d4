import type { BlockRecord } from '../blocks/record.ts'
import { type Filter, fits } from './filter.ts'
import type { Direction } from './lines.ts'
import { JournalError, readJournal } from './read.ts'

/** What was met while a journal was read. */
export interface Tally {
  records: number
  unreadable: number
  selected: number
}

export interface Selection {
  readonly filter: Filter
  /** The newest so many of those that fit. */
  readonly last: number | undefined
}

/** The blocks that are asked for, oldest first. */
export function* select(path: string, { filter, last }: Selection, tally: Tally): Generator<BlockRecord> {
  const fitting = recordsOf(path, last === undefined ? 'forwards' : 'backwards', tally).filter((record) => fits(record, filter))
  for (const record of last === undefined ? fitting : fitting.take(last).toArray().reverse().sort(byTime)) {
    tally.selected++
    yield record
  }
}

/** A block waits for its race, so records of several nodes are not written in the order of their blocks. */
function byTime({ time: one }: BlockRecord, { time: other }: BlockRecord): number {
  return one === other ? 0 : one < other ? -1 : 1
}

function* recordsOf(path: string, direction: Direction, tally: Tally): Generator<BlockRecord> {
  const onUnreadable = () => void tally.unreadable++
  for (const record of readJournal(path, { direction, onUnreadable })) {
    tally.records++
    yield record
  }
  if (tally.records === 0 && tally.unreadable > 0)
    throw new JournalError(
      `${path} is no journal of fibre-agent: none of its ${lines(tally.unreadable)} is the record of a block; name the journal with --journal FILE`,
    )
}

export function lines(count: number): string {
  return count === 1 ? '1 line' : `${count} lines`
}
