import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const PIECE = 16 * 1024

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
