import type { Logger } from 'pino'
import { LineFile } from '../files/line-file.ts'
import { recordedName } from '../tracepoints/define.ts'
import { type TracepointEvent, tracepoints } from '../tracepoints/index.ts'

/** Events wait so long for others to be written with. */
const FLUSH_MS = 1_000
const RETRY_MS = 1_000
/** While the file cannot be written so much is kept for when it can be again. */
const MOST = { lines: Number.POSITIVE_INFINITY, characters: 8 * 1024 * 1024 }
/** Time for writing the last events. */
const CLOSE_MS = 250

export interface CaptureOptions {
  readonly file: string
  readonly log: Logger
  readonly retryMs?: number
}

/** Opens a recording, to which events are added. A file that cannot be written is said in the log and tried again. Throws if another agent writes it. */
export async function openCapture(options: CaptureOptions): Promise<Capture> {
  const capture = new Capture(options)
  await capture.open()
  return capture
}

/** Records events in a file, which `fibre-agent replay` measures again, without holding up who hands them over. */
export class Capture {
  readonly #options: CaptureOptions
  readonly #file: LineFile

  constructor(options: CaptureOptions) {
    const { file: path, log, retryMs = RETRY_MS } = options
    this.#options = options
    this.#file = new LineFile({
      path,
      flag: '--record',
      afterRename: 'stay',
      most: MOST,
      gives: 'newest',
      delayMs: FLUSH_MS,
      retryMs,
      failing: (reason) => log.error({ file: path, reason }, 'cannot write the recording; trying again'),
      recovered: (lost) => log.info({ file: path, lost }, 'the recording can be written again'),
      unlocked: (reason) =>
        reason === undefined
          ? log.info({ file: path }, 'the recording is locked against a second agent')
          : log.warn({ file: path, reason }, 'cannot lock the recording: a second agent would write to it, too'),
      gone: () => log.warn({ file: path }, 'the recording was deleted; going on in a new file'),
      kept: (reason) =>
        reason === undefined
          ? log.info({ file: path }, 'the recording goes on in a new file')
          : log.error({ file: path, reason }, 'cannot open the recording anew; going on in the old file, and trying again'),
    })
  }

  /** Why the file cannot be written at present, if so. */
  get fault(): string | undefined {
    return this.#file.fault
  }

  /** Why the old file is kept instead of a new one, if so. */
  get keptBy(): string | undefined {
    return this.#file.keptBy
  }

  /** Opens the file as `openCapture` does. */
  open(): Promise<void> {
    return this.#file.open()
  }

  record(event: TracepointEvent): void {
    this.#file.append({ text: `${lineOf(event)}\n` })
  }

  /** Goes on in a new file of that name, after the old one was renamed. */
  reopen(): void {
    this.#file.reopen()
    void this.#file.flush()
  }

  /** Writes what is waiting, and ends. */
  async close(): Promise<void> {
    const { file, log } = this.#options
    await this.#file.close(CLOSE_MS)
    const lost = this.#file.unwritten
    if (lost > 0) log.error({ file, lost }, 'events could not be recorded')
  }
}

/** The arguments of each tracepoint, by their names in an event and in a recording. */
const namesByProbe = new Map<string, readonly (readonly [name: string, recorded: string])[]>(
  tracepoints.map(({ probe, args }) => [probe, Object.keys(args).map((name) => [name, recordedName(name)])]),
)

/** An event as a line of a recording, without the line break. An argument that could not be read is left out. */
function lineOf(event: TracepointEvent): string {
  const { node, probe, stampNs, unixSeconds } = event
  const values: Readonly<Record<string, unknown>> = { ...event }
  const line: Record<string, unknown> = { ts_ns: stampNs, unix_us: Math.round(unixSeconds * 1e6), node, probe }
  for (const [name, recorded] of namesByProbe.get(probe) ?? []) line[recorded] = values[name]
  return JSON.stringify(line)
}
