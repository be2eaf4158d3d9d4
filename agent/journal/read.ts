import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { type BlockRecord, isBlockRecord } from '../blocks/record.ts'
import { rotatedAt, rotatedFiles } from './files.ts'
import { type Direction, type Line, lineAt, linesOf } from './lines.ts'

/** Why a journal cannot be read, and the way out. */
export class JournalError extends Error {
  override readonly name = 'JournalError'
}

export interface ReadOptions {
  /** From the oldest record forwards, or from the newest backwards. */
  readonly direction: Direction
  /** Called for each line that holds no record: torn, or written by something else. */
  readonly onUnreadable?: () => void
  /** Whether a block of that time is wanted, as a record has it. Others need not be read. */
  readonly isWanted?: (time: string) => boolean
}

/**
 * The records of a journal, in the order in which they were written or against it: those that it has when reading begins, each once,
 * whatever the agent appends, rotates or deletes meanwhile. Only as much of the files is read as is asked for, and little of it held.
 */
export function* readJournal(path: string, options: ReadOptions): Generator<BlockRecord> {
  const { rotated, ...open } = openCurrent(path)
  using current = open.current
  if (current && options.direction === 'backwards') yield* recordsIn(current, options)
  for (const name of options.direction === 'forwards' ? rotated : rotated.toReversed()) {
    // No block in it came later than it was rotated away.
    if (options.isWanted?.(rotatedAt(name).toISOString()) === false) continue
    using file = openFile(name)
    if (file) yield* recordsIn(file, options)
  }
  if (current && options.direction === 'forwards') yield* recordsIn(current, options)
}

/**
 * The records of a journal that fit, by the times of their blocks. Of most of them only their places are held, and they are read
 * again when it is their turn: a journal can be larger than the memory.
 */
export function* readInOrder(
  path: string,
  { onUnreadable, fits }: { readonly onUnreadable: () => void; readonly fits: (record: BlockRecord) => boolean },
): Generator<BlockRecord> {
  const { rotated, current } = openCurrent(path)
  const files = [...rotated.map(openFile), current].filter((file) => file !== undefined)
  try {
    const places: (Omit<Line, 'text'> & { readonly time: string; readonly fd: number })[] = []
    for (const { fd, stats } of files)
      for (const { start, length, record } of placedRecords(fd, stats.size, 'forwards', onUnreadable))
        if (fits(record)) places.push({ time: record.time, fd, start, length })
    for (const place of places.sort(byTime)) {
      const record = parseRecord(lineAt(place.fd, place))
      if (record) yield record
    }
  } finally {
    for (const file of files) file[Symbol.dispose]()
  }
}

/** Times are all of one form, so they sort as text. */
function byTime({ time: one }: { readonly time: string }, { time: other }: { readonly time: string }): number {
  return one === other ? 0 : one < other ? -1 : 1
}

/** The file that is written to, and those that were rotated away before it was: looked up again if one was just then. */
function openCurrent(path: string): { readonly current: OpenFile | undefined; readonly rotated: readonly string[] } {
  const listRotated = () => attempt(dirname(path), () => rotatedFiles(path)) ?? []
  const before = listRotated()
  const current = openFile(path)
  const rotated = listRotated()
  if (!current && rotated.length === 0)
    throw new JournalError(
      `there is no journal ${path}; the agent makes it when it starts; one that is elsewhere is named with --journal FILE`,
    )
  if (before.at(-1) === rotated.at(-1)) return { current, rotated }
  current?.[Symbol.dispose]()
  return openCurrent(path)
}

interface OpenFile extends Disposable {
  readonly fd: number
  readonly stats: Stats
}

/** `undefined` if it does not exist, or not any more. */
function openFile(path: string): OpenFile | undefined {
  // Not blocking: a pipe that nobody writes to would be waited for.
  const fd = attempt(path, () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
  if (fd === undefined) return undefined
  const stats = fstatSync(fd)
  if (stats.isFile()) return { fd, stats, [Symbol.dispose]: () => closeSync(fd) }
  closeSync(fd)
  throw new JournalError(
    `${path} is ${stats.isDirectory() ? 'a directory' : 'no regular file'}; name the journal's file with --journal FILE`,
  )
}

/** `undefined` if what it is about does not exist. */
function attempt<T>(path: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const reason = code === 'EACCES' ? "may not be read by this user; the agent's user may, and root" : `cannot be read: ${message}`
    throw new JournalError(`${path} ${reason}`, { cause: error })
  }
}

function* recordsIn({ fd, stats }: OpenFile, { direction, onUnreadable, isWanted }: ReadOptions): Generator<BlockRecord> {
  for (const { record } of placedRecords(fd, stats.size, direction, onUnreadable, isWanted)) yield record
}

/** The begin of the records that the agent writes. */
const TIME = /^\{"schema":1,"time":"([^"\\]+)"/

function* placedRecords(
  fd: number,
  size: number,
  direction: Direction,
  onUnreadable?: () => void,
  isWanted?: (time: string) => boolean,
): Generator<Line & { readonly record: BlockRecord }> {
  for (const line of linesOf(fd, size, direction)) {
    if (line.text === '') continue
    const time = isWanted && TIME.exec(line.text ?? '')?.[1]
    if (time !== undefined && isWanted?.(time) === false) continue
    const record = parseRecord(line.text)
    if (record) yield { ...line, record }
    else onUnreadable?.()
  }
}

/** The record that a line holds, if it does. Nothing in a record is nested: what is may be nested without end. */
export function parseRecord(line: string | undefined): BlockRecord | undefined {
  if (line === undefined) return undefined
  try {
    const value: unknown = JSON.parse(line)
    return isBlockRecord(value) && Object.values(value).every(isScalar) ? value : undefined
  } catch {
    return undefined
  }
}

/** JSON has no infinite number, but 1e999 is read as one. */
const isScalar = (value: unknown) => value === null || (typeof value !== 'object' && (typeof value !== 'number' || Number.isFinite(value)))
