import type { Logger } from 'pino'
import { faultOf } from '../../files/fault.ts'
import { type Line, LineWriter } from '../../files/line-writer.ts'
import { NamedFile } from '../../files/named-file.ts'
import type { TracepointEvent } from '../../tracepoints/index.ts'
import { lineOf } from './format.ts'

/** Events wait so long for others to be written with. */
const FLUSH_MS = 1_000
const RETRY_MS = 1_000
/** While the file cannot be written so much is kept for when it can be again. */
const MOST = { lines: Number.POSITIVE_INFINITY, characters: 8 * 1024 * 1024 }
/** What writing the last events may take. */
const CLOSE_MS = 250

export interface RecorderOptions {
  readonly file: string
  readonly log: Logger
  readonly retryMs?: number
}

/** Opens a recording, to which events are added. A file that cannot be written is said in the log and tried again. */
export function openRecorder(options: RecorderOptions): Recorder {
  const recorder = new Recorder(options)
  recorder.reopen()
  return recorder
}

/** Writes events to a file without ever holding up who hands them over. */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #file: NamedFile
  readonly #writer: LineWriter<Line>

  constructor(options: RecorderOptions) {
    const { file: path, log, retryMs = RETRY_MS } = options
    const common = { retryMs, faultOf: (error: unknown) => faultOf(error, '--record') }
    this.#options = options
    this.#file = new NamedFile({
      ...common,
      path,
      changed: (reason) =>
        reason === undefined
          ? log.info({ file: path }, 'the recording goes on in a new file')
          : log.error({ file: path, reason }, 'cannot open the recording anew; going on in the old file, and trying again'),
      retry: () => this.#writer.flush(),
    })
    this.#writer = new LineWriter({
      ...common,
      target: () => this.#file.current(),
      most: MOST,
      gives: 'newest',
      delayMs: FLUSH_MS,
      failing: (reason) => log.error({ file: path, reason }, 'cannot write the recording; trying again'),
      recovered: (lost) => log.info({ file: path, lost }, 'the recording can be written again'),
    })
  }

  record(event: TracepointEvent): void {
    this.#writer.append({ text: `${lineOf(event)}\n` })
  }

  /** Goes on in a new file of that name, after the old one was renamed. */
  reopen(): void {
    this.#file.reopen()
    void this.#writer.flush()
  }

  /** Writes what is waiting, and ends. */
  async close(): Promise<void> {
    const { file, log } = this.#options
    await this.#writer.close(CLOSE_MS)
    if (!this.#writer.isBusy) await this.#file.close()
    const lost = this.#writer.unwritten
    if (lost > 0) log.error({ file, lost }, 'events could not be recorded')
  }
}
