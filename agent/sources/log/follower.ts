import {
  closeSync,
  constants,
  close as fsClose,
  fstat as fsFstat,
  open as fsOpen,
  read as fsRead,
  fstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { LineSplitter } from './line-splitter.ts'
import { watchDirectory } from './watch-directory.ts'

const [open, read, fstat, close] = [promisify(fsOpen), promisify(fsRead), promisify(fsFstat), promisify(fsClose)]

/** After a sign that something was written, for what is written next to be read with it. */
const GATHER_MS = 2
const CHUNK_BYTES = 256 * 1024
/** Bytes before the place that reading has come to, which are read again: a file that was cut has none there, or others if it has grown since. */
const CHECK_BYTES = 64
/** Files that wait to be read after the one that is, because bitcoind has not begun to write them. */
const MOST_WAITING = 4
/** At the start so much of what was written before is looked at, for what it tells of settings and of the tip. */
const SURVEY_BYTES = 1024 * 1024
/** Anything could take the place of a file that was just looked at: a pipe must not make this process wait. */
const READING = constants.O_RDONLY | constants.O_NONBLOCK

export interface FollowerHandler {
  /** Takes lines of before the start, which are no news. */
  survey(lines: readonly string[]): void
  /**
   * Another file takes the place of the one that was read, or that one was cut. It may begin with lines that were read already.
   * Returns whether it is read from its beginning, or else from its end.
   */
  begun(file: { readonly wasCut: boolean; readonly size: number }): boolean
  /** Takes lines that were written since, in order. */
  lines(lines: readonly string[]): void
  /** Lines were missed. */
  gap(reason: string): void
}

interface OpenFile {
  readonly fd: number
  /** Device and inode. */
  readonly identity: string
}

/** Follows a log as it grows, is rotated, cut, deleted and made anew. Begins at its end. */
export class Follower {
  readonly #path: string
  readonly #handler: FollowerHandler
  readonly #splitter: LineSplitter
  readonly #buffer = Buffer.allocUnsafe(CHECK_BYTES + CHUNK_BYTES)
  readonly #watch: { close(): void }
  /** The one that is read, and those that took its place but were not written to yet. */
  #files: OpenFile[] = []
  #offset = 0
  #before: Buffer = Buffer.alloc(0)
  #fault: string | undefined
  #timer: NodeJS.Timeout | undefined
  #isDue = false
  /** Whether another file may have the path. */
  #isAnother = true
  /** Whether there was no log: all of the one that comes is news. */
  #wasAbsent = false
  #dueSince: number | undefined
  #reading: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(path: string, handler: FollowerHandler) {
    this.#path = path
    this.#handler = handler
    this.#splitter = new LineSplitter(() => handler.gap('a line of the log is too long'))
    this.#watch = watchDirectory(path, (isAnother) => this.#wake(isAnother))
  }

  /** Begins at the end of what has been written, once what is there has been looked at. */
  start(): void {
    try {
      requireFile(statSync(this.#path))
      const fd = openSync(this.#path, READING)
      try {
        const stats = fstatSync(fd)
        requireFile(stats)
        this.#surveyAll(fd, stats.size)
        this.#files = [{ fd, identity: identityOf(stats) }]
      } catch (error) {
        closeSync(fd)
        throw error
      }
    } catch (error) {
      this.#fail(error as NodeJS.ErrnoException)
    }
    this.#wake(true)
  }

  /** Why the log cannot be read at present, if so. */
  get fault(): string | undefined {
    return this.#fault
  }

  /** Time for which something has been waiting to be read, in ms. */
  get waitingMs(): number {
    return this.#dueSince === undefined ? 0 : performance.now() - this.#dueSince
  }

  /** Reads to the end and lets go. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#watch.close()
    clearTimeout(this.#timer)
    this.#isAnother = true
    await this.#read()
    for (const { fd } of this.#files) await close(fd)
    this.#files = []
  }

  #wake(isAnother: boolean): void {
    this.#isAnother ||= isAnother
    if (this.#closing !== undefined || this.#timer !== undefined) return
    this.#dueSince ??= performance.now()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#read()
    }, GATHER_MS)
  }

  /** Reads what has been written until now. */
  #read(): Promise<void> {
    this.#isDue = true
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async #readAll(): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false
      try {
        await this.#look()
      } catch (error) {
        this.#fail(error as NodeJS.ErrnoException)
      }
    }
    this.#dueSince = undefined
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.#fault = faultOf(this.#path, error)
    this.#wasAbsent = isAbsence(error)
  }

  async #look(): Promise<void> {
    const wasAnother = this.#isAnother
    const fault = wasAnother ? await this.#openCurrent().catch((error: unknown) => error) : undefined
    for (let [file, next] = this.#files; file !== undefined; [file, next] = this.#files) {
      // Looked at before the last read: whatever bitcoind put into this file, it did before it began the next one.
      const isLeft = next !== undefined && (await fstat(next.fd)).size > 0
      await this.#readFile(file)
      if (!isLeft) break
      if (await this.#hasMissed(file)) this.#handler.gap('the log was rotated more than once before it was looked at')
      this.#files.shift()
      await close(file.fd)
      await this.#begin(next as OpenFile, false)
    }
    // Between its rotation and the next line no file has the path.
    if (fault !== undefined && !(isAbsence(fault as NodeJS.ErrnoException) && this.#files.length > 0)) throw fault
    if (wasAnother) this.#fault = undefined
  }

  /** Opens the file that has the path now, unless it is open. */
  async #openCurrent(): Promise<void> {
    this.#isAnother = false
    const there = await stat(this.#path)
    if (this.#files.some((file) => file.identity === identityOf(there))) return
    requireFile(there)
    const fd = await open(this.#path, READING)
    try {
      const stats = await fstat(fd)
      requireFile(stats)
      const file = { fd, identity: identityOf(stats) }
      if (this.#files.length === 0 && this.#wasAbsent) await this.#begin(file, false)
      else if (this.#files.length === 0) this.#surveyAll(fd, stats.size)
      this.#files.push(file)
    } catch (error) {
      await close(fd)
      throw error
    }
    if (this.#files.length <= MOST_WAITING) return
    for (const { fd } of this.#files.splice(1, 1)) await close(fd)
    this.#handler.gap('the log is rotated faster than it is written')
  }

  /** Whether a file beside the log, such as debug.log.1, was written after this one was left, and was never open here. */
  async #hasMissed({ fd }: OpenFile): Promise<boolean> {
    const { mtimeMs } = await fstat(fd)
    const [directory, name] = [dirname(this.#path), basename(this.#path)]
    const siblings = (await readdir(directory)).filter((other) => other.startsWith(name) && other !== name)
    for (const sibling of siblings) {
      const stats = await stat(join(directory, sibling)).catch(() => undefined)
      if (stats && stats.mtimeMs > mtimeMs && !this.#files.some(({ identity }) => identity === identityOf(stats))) return true
    }
    return false
  }

  #surveyAll(fd: number, size: number): void {
    const bytes = Buffer.alloc(Math.min(size, SURVEY_BYTES))
    const start = size - bytes.length
    const length = readSync(fd, bytes, 0, bytes.length, start)
    const lines = this.#splitter.split(bytes.subarray(0, length))
    this.#handler.survey(start > 0 ? lines.slice(1) : lines)
    this.#advanceTo(start + length, bytes.subarray(0, length))
  }

  async #begin({ fd }: OpenFile, wasCut: boolean): Promise<void> {
    const { size } = await fstat(fd)
    this.#splitter.reset()
    this.#advanceTo(0, Buffer.alloc(0))
    if (this.#handler.begun({ wasCut, size })) return
    const start = Math.max(0, size - CHECK_BYTES)
    const { bytesRead } = await read(fd, this.#buffer, 0, CHECK_BYTES, start)
    this.#advanceTo(start + bytesRead, this.#buffer.subarray(0, bytesRead))
  }

  async #readFile(file: OpenFile): Promise<void> {
    for (;;) {
      const check = this.#before.length
      const { bytesRead } = await read(file.fd, this.#buffer, 0, check + CHUNK_BYTES, this.#offset - check)
      if (!this.#buffer.subarray(0, Math.min(check, bytesRead)).equals(this.#before)) {
        await this.#begin(file, true)
        continue
      }
      if (bytesRead <= check) return
      const bytes = this.#buffer.subarray(check, bytesRead)
      this.#advanceTo(this.#offset + bytes.length, this.#buffer.subarray(0, bytesRead))
      const lines = this.#splitter.split(bytes)
      if (lines.length > 0) this.#handler.lines(lines)
      if (bytesRead < check + CHUNK_BYTES) return
    }
  }

  #advanceTo(offset: number, read: Buffer): void {
    this.#offset = offset
    this.#before = Buffer.from(read.subarray(Math.max(0, read.length - CHECK_BYTES)))
  }
}

function requireFile(stats: Stats): void {
  if (!stats.isFile()) throw new Error('it is no file')
}

const identityOf = ({ dev, ino }: Stats) => `${dev}:${ino}`

const isAbsence = ({ code }: NodeJS.ErrnoException) => code === 'ENOENT' || code === 'ENOTDIR'

function faultOf(path: string, error: NodeJS.ErrnoException): string {
  if (isAbsence(error)) return `${path} is not there`
  if (error.code === 'EACCES' || error.code === 'EPERM')
    return `${path} cannot be read: the agent's user is not allowed to (bitcoind runs as another one?)`
  return `${path} cannot be read: ${error.message}`
}
