import { readSync } from 'node:fs'

export const BLOCK_BYTES = 64 * 1024

/** No record is that long; whatever is shall not fill the memory. */
const LONGEST_LINE = 2 ** 20

const NEWLINE = 10

export type Direction = 'forwards' | 'backwards'

/** A line, and where it stands in its file, in bytes. */
export interface Line {
  /** `undefined` where it is too long. */
  readonly text: string | undefined
  readonly start: number
  readonly length: number
}

/** The lines of the first `size` bytes of a file, from its beginning or from its end, read block by block. */
export function* linesOf(fd: number, size: number, direction: Direction): Generator<Line> {
  const splitter = new LineSplitter(direction, direction === 'forwards' ? 0 : size)
  for (const block of blocksOf(fd, size, direction)) yield* splitter.push(block)
  yield splitter.end()
}

/** The line that stands there. */
export function lineAt(fd: number, { start, length }: Omit<Line, 'text'>): string {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.toString('utf8', 0, readSync(fd, bytes, 0, length, start))
}

/** Lines of blocks that are pushed in the order of a direction. */
export class LineSplitter {
  readonly #direction: Direction
  #line: OpenLine

  /** `from`: where the first block begins, or where it ends if it is read backwards. */
  constructor(direction: Direction, from = 0) {
    this.#direction = direction
    this.#line = new OpenLine(direction, from)
  }

  /** The lines that a block ends. */
  *push(block: Buffer): Generator<Line> {
    for (const [index, piece] of inOrder(splitAtNewlines(block), this.#direction).entries()) {
      if (index > 0) {
        yield this.#line.whole()
        this.#line = this.#line.next()
      }
      this.#line.add(piece)
    }
  }

  /** The line that no block has ended. */
  end(): Line {
    return this.#line.whole()
  }
}

function* blocksOf(fd: number, size: number, direction: Direction): Generator<Buffer> {
  for (let done = 0; done < size; done += BLOCK_BYTES) {
    const length = Math.min(BLOCK_BYTES, size - done)
    const block = Buffer.allocUnsafe(length)
    const position = direction === 'forwards' ? done : size - done - length
    const read = readSync(fd, block, 0, length, position)
    yield block.subarray(0, read) // fewer only where somebody has cut the file
  }
}

function splitAtNewlines(block: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  let start = 0
  for (let end = block.indexOf(NEWLINE); end !== -1; end = block.indexOf(NEWLINE, start)) {
    pieces.push(block.subarray(start, end))
    start = end + 1
  }
  pieces.push(block.subarray(start))
  return pieces
}

function inOrder(pieces: Buffer[], direction: Direction): Buffer[] {
  return direction === 'forwards' ? pieces : pieces.reverse()
}

/** One line, put together from the pieces that lie in several blocks. */
class OpenLine {
  readonly #direction: Direction
  /** Its begin, or its end if it is read backwards. */
  readonly #from: number
  #pieces: Buffer[] = []
  #length = 0

  constructor(direction: Direction, from: number) {
    this.#direction = direction
    this.#from = from
  }

  add(piece: Buffer): void {
    this.#length += piece.length
    if (this.#length <= LONGEST_LINE) this.#pieces.push(piece)
    else this.#pieces = []
  }

  whole(): Line {
    const length = this.#length
    const text = length > LONGEST_LINE ? undefined : Buffer.concat(inOrder(this.#pieces, this.#direction)).toString('utf8')
    return { text, start: this.#direction === 'forwards' ? this.#from : this.#from - length, length }
  }

  /** The line behind it, or before it. */
  next(): OpenLine {
    const step = this.#length + 1
    return new OpenLine(this.#direction, this.#direction === 'forwards' ? this.#from + step : this.#from - step)
  }
}
