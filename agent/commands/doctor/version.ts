import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { ifReadable } from '../../bitcoind/proc/read.ts'

/** A log grows for months after the start that told the version. */
const MOST_BYTES = 64 * 2 ** 20
const PIECE = 2 ** 20
/** A line may lie across two pieces. */
const OVERLAP = 1024

/** The version that bitcoind wrote to its debug.log at its last start. It is not asked: nothing of another user is executed. */
export function readVersion(log: string): string | undefined {
  return search(log, 'Bitcoin ', versionIn)
}

/** Whether a debug.log has lines of FIBRE's. */
export function showsFibre(log: string): boolean {
  return search(log, 'UDP: ', (text) => FIBRE_LINE.test(text) || undefined) ?? false
}

/** Searches a log from its end, piece by piece: `find` is asked where one holds the word. */
function search<T>(log: string, word: string, find: (text: string) => T | undefined): T | undefined {
  return ifReadable(() => {
    // A process of any user may be called bitcoind: anything but a file could make this one wait.
    if (!statSync(log).isFile()) return undefined
    const fd = openSync(log, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      return searchFromEnd(fd, word, find)
    } finally {
      closeSync(fd)
    }
  })
}

function searchFromEnd<T>(fd: number, word: string, find: (text: string) => T | undefined): T | undefined {
  const { size } = fstatSync(fd)
  const bytes = Buffer.allocUnsafe(PIECE + OVERLAP)
  for (let end = size; end > 0 && size - end < MOST_BYTES; end -= PIECE) {
    const start = Math.max(0, end - PIECE)
    const length = readSync(fd, bytes, 0, Math.min(end + OVERLAP, size) - start, start)
    const piece = bytes.subarray(0, length)
    const found = piece.includes(word) ? find(piece.toString('latin1')) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

const FIBRE_LINE = /^(?:\S+ )?(?:\[[^\]]*\] )*UDP: /m

/** The last version in lines of a debug.log. */
export function versionIn(log: string): string | undefined {
  return log
    .match(/^(?:\S+ )?(?:\[[^\]]*\] )*(Bitcoin .*? version \S+)/gm)
    ?.at(-1)
    ?.replace(/^.*?(?=Bitcoin )/, '')
}
