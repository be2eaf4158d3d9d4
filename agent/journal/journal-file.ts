import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { isBlockRecord } from '../blocks/record.ts'
import { rotatedName } from './files.ts'

/** Peers are nobody else's business. */
const DIRECTORY_MODE = 0o750
const FILE_MODE = 0o640
/**
 * Each write adds to the end, wherever another agent has moved that to. A link in the file's place is not followed: the agent is root,
 * and renaming would move the link and leave the file. Opened for both, a pipe is not waited for (fifo(7)).
 */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
/** Enough for the last few records. */
const TAIL_BYTES = 64 * 1024
/** How every record begins, also one whose end was never written. */
const BEGINNING = '{"schema":'

/** What is there is somebody else's, and is left as it is. */
export class NotAJournalError extends Error {
  override readonly name = 'NotAJournalError'
}

/** The file that a journal is written to. */
export class JournalFile {
  readonly #path: string
  readonly #fd: number
  readonly #identity: string

  constructor(path: string, fd: number) {
    this.#path = path
    this.#fd = fd
    this.#identity = identityOf(fstatSync(fd))
  }

  /** Its size in bytes, or `undefined` if its name stands for it no longer: it was renamed, deleted or replaced. */
  size(): number | undefined {
    const stats = lstatSync(this.#path, { throwIfNoEntry: false })
    return stats && identityOf(stats) === this.#identity ? stats.size : undefined
  }

  /** Adds a line. Throws if it could not be written as a whole. */
  append(line: Buffer): void {
    for (let written = 0; written < line.length; ) written += writeSync(this.#fd, line, written)
  }

  /** Gives it its rotated name, and returns that. It stays open. */
  rotate(now: Date): string {
    const name = reserveRotatedName(this.#path, now)
    try {
      renameSync(this.#path, name)
      return name
    } catch (error) {
      rmSync(name, { force: true })
      throw error
    }
  }

  close(): void {
    closeSync(this.#fd)
  }
}

/** Opens a journal's file, or makes it. Throws if it cannot be written or is something else. */
export function openJournalFile(path: string): JournalFile {
  makeDirectory(dirname(path))
  const fd = openSync(path, FLAGS, FILE_MODE)
  try {
    const stats = fstatSync(fd)
    if (!stats.isFile()) throw new NotAJournalError('it is no regular file')
    if (stats.size > 0) endTornLine(fd, stats.size)
    return new JournalFile(path, fd)
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** With those above it. Node's own, `recursive`, never returns below /proc, where a directory cannot be made in one that exists. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, DIRECTORY_MODE)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return // if it is a file, opening one in it says so
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error
    makeDirectory(dirname(path))
    makeDirectory(path)
  }
}

/** An agent that was killed, or a disk that was full, may have left half a record. If another agent is writing it just now, an empty line results. */
function endTornLine(fd: number, size: number): void {
  const tail = Buffer.alloc(Math.min(size, TAIL_BYTES))
  readSync(fd, tail, 0, tail.length, size - tail.length)
  const text = tail.toString()
  if (!isJournal(text)) throw new NotAJournalError('it holds something else')
  if (!text.endsWith('\n')) writeSync(fd, '\n')
}

function isJournal(tail: string): boolean {
  return BEGINNING.startsWith(tail) || tail.split('\n').some(isRecord)
}

function isRecord(line: string): boolean {
  if (!line.startsWith(BEGINNING)) return false
  try {
    return isBlockRecord(JSON.parse(line))
  } catch {
    return true // torn
  }
}

/** Takes a name that no file has, also where another agent rotates at the same moment: renaming would replace what has it. */
function reserveRotatedName(path: string, now: Date): string {
  const name = rotatedName(path, now)
  try {
    closeSync(openSync(name, 'wx', FILE_MODE))
    return name
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return reserveRotatedName(path, new Date(now.getTime() + 1))
    throw error
  }
}

const identityOf = ({ dev, ino }: Stats) => `${dev}:${ino}`
