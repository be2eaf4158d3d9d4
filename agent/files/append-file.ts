import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { ForeignFileError } from './fault.ts'
import type { LineTarget } from './line-writer.ts'

/** Files tell of peers: owner and group may read them. */
export const FILE_MODE = 0o640

/** A link in the file's place is not followed: the agent may be root. A pipe or a terminal is neither waited for (fifo(7)) nor taken over. */
export const CAREFULLY = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY
/** Each write adds to the end, wherever another process has moved that to. Opened for both, so that the end can be looked at. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | CAREFULLY
/** Enough for the last few lines. */
const TAIL_BYTES = 64 * 1024

export interface AppendFileOptions {
  /** Looks at the last 64 KiB of what is there, and throws if it is something else. */
  readonly accept?: (tail: string) => void
}

/** A regular file that lines are added to. */
export class AppendFile implements LineTarget {
  readonly path: string
  readonly #handle: FileHandle
  readonly #identity: string
  #size: number

  constructor(path: string, handle: FileHandle, stats: Stats) {
    this.path = path
    this.#handle = handle
    this.#identity = identityOf(stats)
    this.#size = stats.size
  }

  room = Number.POSITIVE_INFINITY

  /** Its size after the last write. */
  get size(): number {
    return this.#size
  }

  async write(bytes: Buffer): Promise<number> {
    const { bytesWritten } = await this.#handle.write(bytes)
    this.#size += bytesWritten
    return bytesWritten
  }

  async isAsLeft(): Promise<boolean> {
    return (await this.#handle.stat()).size === this.#size
  }

  /** The size of the file of its name, or `undefined` if that is another or none: it was renamed, deleted or replaced. */
  async sizeByName(): Promise<number | undefined> {
    const stats = await statIfThere(this.path)
    return stats && identityOf(stats) === this.#identity ? stats.size : undefined
  }

  /** Its size, or `undefined` if no name leads to it any longer. Some file systems count no names of any file. */
  async sizeUnlessDeleted(): Promise<number | undefined> {
    const { nlink, size } = await this.#handle.stat()
    return nlink > 0 ? size : this.sizeByName()
  }

  /** Closes the file. A fault of that is none of what was written. */
  async close(): Promise<void> {
    await this.#handle.close().catch(() => {})
  }
}

/** Opens a file to add lines to, or makes it, and ends a last line that was torn. Throws at once if it is no regular file. */
export async function openAppendFile(path: string, { accept }: AppendFileOptions = {}): Promise<AppendFile> {
  const handle = await open(path, FLAGS, FILE_MODE)
  try {
    const { size } = await regularStats(handle)
    const tail = await readTail(handle, size, accept ? TAIL_BYTES : 1)
    accept?.(tail)
    if (tail !== '' && !tail.endsWith('\n')) await handle.write('\n') // where another process is writing it just now, an empty line results
    return new AppendFile(path, handle, await handle.stat())
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** Returns the stats of an open file. Throws if it is no regular one. */
export async function regularStats(handle: FileHandle): Promise<Stats> {
  const stats = await handle.stat()
  if (!stats.isFile()) throw new ForeignFileError('it is no regular file')
  return stats
}

/** `undefined` if there is no such file. */
export async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

async function readTail(handle: FileHandle, size: number, most: number): Promise<string> {
  const length = Math.min(size, most)
  if (length === 0) return ''
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length)
  return buffer.toString('utf8', 0, bytesRead)
}

const identityOf = ({ dev, ino }: Stats) => `${dev}:${ino}`
