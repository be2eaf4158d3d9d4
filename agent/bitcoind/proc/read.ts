import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Names a file without opening what it is: nothing waits, and no device is woken (open(2)). Node.js does not export it. */
const O_PATH = 0o10000000

/** The start of a file of /proc, which says nothing of its size: `most` bytes of it. */
export function readStart(path: string, most: number): string {
  const fd = openSync(path, constants.O_RDONLY)
  try {
    return readUpTo(fd, most)
  } finally {
    closeSync(fd)
  }
}

/** The start of a regular file. Throws for anything else, and for the files of /proc and its like, which are made as they are read. */
export function readRegularFile(path: string, most: number): string {
  const place = openSync(path, O_PATH)
  try {
    const stats = fstatSync(place)
    if (!stats.isFile() || stats.size === 0) return ''
    const fd = openSync(`/proc/self/fd/${place}`, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      return readUpTo(fd, most)
    } finally {
      closeSync(fd)
    }
  } finally {
    closeSync(place)
  }
}

/** As many as the kernel follows in one path (path_resolution(7)). */
const MOST_LINKS = 40

/** The real path of something that may not be there yet, as a process sees it whose root directory is `root`. */
export function realPathIn(root: string, path: string): string {
  const left = path.split('/').reverse()
  let real = '/'
  for (let links = 0; left.length > 0; ) {
    const next = join(real, left.pop() as string)
    const target = links < MOST_LINKS ? ifReadable(() => readlinkSync(join(root, next))) : undefined
    if (target === undefined) {
      real = next
      continue
    }
    links++
    if (target.startsWith('/')) real = '/'
    left.push(...target.split('/').reverse())
  }
  return resolve(real)
}

function readUpTo(fd: number, most: number): string {
  const bytes = Buffer.allocUnsafe(most)
  let length = 0
  while (length < most) {
    const count = readSync(fd, bytes, length, most - length, null)
    if (count === 0) break
    length += count
  }
  return bytes.toString('utf8', 0, length)
}

/** Returns the result of `read`, or `undefined` if the file or the process no longer exists. */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** Returns the result of `read`, or `undefined` if it fails for any reason. */
export function ifReadable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
