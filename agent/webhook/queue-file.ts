import { appendFileSync, closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'

/** First line of each such file: what lacks it is somebody else's, and left alone. */
const HEADER = '{"file":"webhook queue of fibre-agent","version":1}'
/** The file names nodes' peers: nobody else's business. */
const MODE = 0o600

/**
 * Lines of ASCII that survive the process. They are in the kernel's hands when `append` returns, so a killed agent loses none;
 * a power cut may cost the latest, since waiting for the disk would hold up the measuring.
 */
export class QueueFile {
  readonly #path: string
  #fd: number | undefined
  #bytes = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Its size. */
  get bytes(): number {
    return this.#bytes
  }

  /** What lines it holds, of which the last may be torn. Throws if the file is not one of ours. */
  read(): readonly string[] {
    const stats = statSync(this.#path, { throwIfNoEntry: false })
    if (stats === undefined) return []
    if (!stats.isFile()) throw new Error('it is not a file')
    const [header, ...lines] = readFileSync(this.#path, 'utf8').split('\n')
    if (header !== HEADER && stats.size > 0) throw new Error('it holds something else')
    return lines
  }

  append(lines: readonly string[]): void {
    if (this.#fd === undefined) throw new Error('it is not open')
    const text = [...lines, ''].join('\n')
    appendFileSync(this.#fd, text)
    this.#bytes += text.length
  }

  /** Replaces what the file holds, all or nothing, and opens it. */
  rewrite(lines: readonly string[]): void {
    const text = [HEADER, ...lines, ''].join('\n')
    const draft = `${this.#path}.new`
    try {
      writeFileSync(draft, text, { mode: MODE })
      renameSync(draft, this.#path)
    } catch (error) {
      rmSync(draft, { force: true })
      throw error
    }
    this.close()
    this.#fd = openSync(this.#path, 'a', MODE)
    this.#bytes = text.length
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}
