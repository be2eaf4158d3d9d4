import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { columnsByEnvironment, type Environment } from '../settings/load.ts'
import type { Context } from './command.ts'

const PIECE = 16 * 1024
const USUAL_COLUMNS = 80

/** Columns of the terminal that is written to; `undefined` where it is none, but a file or a pipe. */
export function columnsOf(stdout: Context['stdout'], env: Environment | undefined): number | undefined {
  // A serial console, and a pseudo-terminal that nobody has sized, report 0 columns.
  return stdout.isTTY ? stdout.columns || (columnsByEnvironment(env) ?? USUAL_COLUMNS) : undefined
}

/** Writes text as fast as its reader takes it. Fails with EPIPE where the reader goes away. */
export async function print(text: Iterable<string>, stdout: NodeJS.WritableStream): Promise<void> {
  await pipeline(Readable.from(inPieces(text)), stdout, { end: false })
}

/** In pieces larger than lines: a hundred thousand writes would take longer than what is written. */
function* inPieces(text: Iterable<string>): Generator<string> {
  let piece = ''
  for (const line of text) {
    piece += line
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}
