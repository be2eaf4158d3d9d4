/** A line that is to be written, with its line break. */
export interface WaitingLine {
  readonly text: string
  /** Whether it was counted as one that had to wait for a file that cannot be written. */
  isLate?: boolean
}

/** The most that may wait. */
export interface Most {
  readonly lines: number
  readonly characters: number
}

/** Lines that wait to be written, in their order, and a count of those that were late or lost. */
export class Backlog<L extends WaitingLine> {
  /** Which lines are lost where there are too many. */
  readonly #gives: 'oldest' | 'newest'
  #lines: L[] = []
  #characters = 0
  #late = 0
  #lost = 0

  constructor(gives: 'oldest' | 'newest') {
    this.#gives = gives
  }

  get length(): number {
    return this.#lines.length
  }

  get characters(): number {
    return this.#characters
  }

  /** Lines that could not be written when they came. They waited, or were lost. */
  get late(): number {
    return this.#late
  }

  /** Lines that were never written. */
  get lost(): number {
    return this.#lost
  }

  add(line: L): void {
    this.#lines.push(line)
    this.#characters += line.text.length
  }

  /** Takes the first lines, at most so many: one at least, and more while they have no more than so many characters; the last may go beyond. */
  take(most: Most): readonly L[] {
    let characters = 0
    let count = 0
    for (const { text } of this.#lines) {
      if (count > 0 && (count >= most.lines || characters >= most.characters)) break
      characters += text.length
      count++
    }
    this.#characters -= characters
    return this.#lines.splice(0, count)
  }

  /** Puts lines back before the others. */
  putBack(lines: readonly L[]): void {
    this.#lines = [...lines, ...this.#lines]
    for (const { text } of lines) this.#characters += text.length
  }

  clear(): void {
    this.#lines = []
    this.#characters = 0
  }

  /** Loses lines until no more wait than that. Returns how many. */
  loseBeyond(most: Most): number {
    let count = 0
    while (this.#lines.length > most.lines || (this.#characters > most.characters && this.#lines.length > 1)) {
      const line = this.#gives === 'oldest' ? this.#lines.shift() : this.#lines.pop()
      if (line === undefined) break
      this.#characters -= line.text.length
      this.markLate([line])
      count++
    }
    this.#lost += count
    return count
  }

  /** Counts lines as late, each once; all that wait by default. */
  markLate(lines: readonly L[] = this.#lines): void {
    for (const line of lines) {
      if (!line.isLate) this.#late++
      line.isLate = true
    }
  }
}
