/** A line longer than this tells nothing of a block; FIBRE's longest has some hundred bytes. */
const MAX_LINE_BYTES = 64 * 1024
const LINE_BREAK = 0x0a

/** Splits what is read of a file into lines, and keeps the line that has no end yet. Of an endless one it keeps nothing. */
export class LineSplitter {
  readonly #tooLong: () => void
  #begun: Buffer[] = []
  #begunBytes = 0

  constructor(tooLong: () => void) {
    this.#tooLong = tooLong
  }

  /** Returns the lines that these bytes end. */
  split(bytes: Buffer): readonly string[] {
    const end = bytes.lastIndexOf(LINE_BREAK)
    if (end === -1) {
      this.#keep(bytes)
      return []
    }
    const isCut = this.#begunBytes > MAX_LINE_BYTES
    const lines = Buffer.concat([...this.#begun, bytes.subarray(0, end)])
      .toString('utf8')
      .split('\n')
    this.reset()
    this.#keep(bytes.subarray(end + 1))
    return (isCut ? lines.slice(1) : lines).filter((line) => line.length <= MAX_LINE_BYTES)
  }

  /** Forgets the line that has no end. */
  reset(): void {
    this.#begun = []
    this.#begunBytes = 0
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return
    const wasTooLong = this.#begunBytes > MAX_LINE_BYTES
    this.#begunBytes += bytes.length
    if (this.#begunBytes <= MAX_LINE_BYTES) {
      this.#begun.push(Buffer.from(bytes)) // a copy: what was read is written over
      return
    }
    this.#begun = []
    if (!wasTooLong) this.#tooLong()
  }
}
