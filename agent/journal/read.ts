import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs'
import { dirname } from 'node:path'
import { type BlockRecord, isBlockRecord } from '../blocks/record.ts'
import { rotatedFiles } from './files.ts'
import { type Direction, linesOf } from './lines.ts'

/** Why a journal cannot be read, and the way out. */
export class JournalError extends Error {
  override readonly name = 'JournalError'
}

export interface ReadOptions {
  /** From the oldest record forwards, or from the newest backwards. */
  readonly direction: Direction
  /** Called for each line that holds no record: torn, or written by something else. */
  readonly onUnreadable?: () => void
}

/**
 * The records of a journal, in the order in which they were written or against it: those that it has when reading begins, each once,
 * whatever the agent appends, rotates or deletes meanwhile. Only as much of the files is read as is asked for, and little of it held.
 */
export function* readJournal(path: string, options: ReadOptions): Generator<BlockRecord> {
  const { rotated, ...open } = openCurrent(path)
  using current = open.current
  if (!current && rotated.length === 0)
    throw new JournalError(
      `there is no journal ${path}; the agent makes it when it starts; one that is elsewhere is named with --journal FILE`,
    )
  if (current && options.direction === 'backwards') yield* recordsIn(current, options)
  for (const name of options.direction === 'forwards' ? rotated : rotated.toReversed()) {
    using file = openFile(name)
    if (file) yield* recordsIn(file, options)
  }
  if (current && options.direction === 'forwards') yield* recordsIn(current, options)
}

/** The file that is written to, and those that were rotated away before it was: looked up again if one was just then. */
function openCurrent(path: string): { readonly current: OpenFile | undefined; readonly rotated: readonly string[] } {
  const listRotated = () => attempt(dirname(path), () => rotatedFiles(path)) ?? []
  const before = listRotated()
  const current = openFile(path)
  const rotated = listRotated()
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

function* recordsIn({ fd, stats }: OpenFile, { direction, onUnreadable }: ReadOptions): Generator<BlockRecord> {
  for (const line of linesOf(fd, stats.size, direction)) {
    if (line === '') continue
    const record = parseRecord(line)
    if (record) yield record
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
