import { readSync } from 'node:fs'

export const BLOCK_BYTES = 64 * 1024

/** No record is that long; whatever is shall not fill the memory. */
const LONGEST_LINE = 2 ** 20

const NEWLINE = 10

export type Direction = 'forwards' | 'backwards'

/** The lines of the first `size` bytes of a file, from its beginning or from its end, read block by block. */
export function* linesOf(fd: number, size: number, direction: Direction): Generator<string | undefined> {
  const splitter = new LineSplitter(direction)
  for (const block of blocksOf(fd, size, direction)) yield* splitter.push(block)
  yield splitter.end()
}

/** Lines of blocks that are pushed in the order of a direction. `undefined` stands for a line that is too long. */
export class LineSplitter {
  readonly #direction: Direction
  #line: Line

  constructor(direction: Direction) {
    this.#direction = direction
    this.#line = new Line(direction)
  }

  /** The lines that a block ends. */
  *push(block: Buffer): Generator<string | undefined> {
    for (const [index, piece] of inOrder(splitAtNewlines(block), this.#direction).entries()) {
      if (index > 0) {
        yield this.#line.text()
        this.#line = new Line(this.#direction)
      }
      this.#line.add(piece)
    }
  }

  /** The line that no block has ended. */
  end(): string | undefined {
    return this.#line.text()
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
class Line {
  readonly #direction: Direction
  #pieces: Buffer[] = []
  #length = 0

  constructor(direction: Direction) {
    this.#direction = direction
  }

  add(piece: Buffer): void {
    this.#length += piece.length
    if (this.#length <= LONGEST_LINE) this.#pieces.push(piece)
    else this.#pieces = []
  }

  text(): string | undefined {
    if (this.#length > LONGEST_LINE) return undefined
    return Buffer.concat(inOrder(this.#pieces, this.#direction)).toString('utf8')
  }
}
