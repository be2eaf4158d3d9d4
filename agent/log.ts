import { write } from 'node:fs'
import { promisify } from 'node:util'
import pino, { type Logger } from 'pino'
import { faultOf, NoAnswerError } from './files/fault.ts'
import { LineFile } from './files/line-file.ts'
import { type LineTarget, LineWriter } from './files/line-writer.ts'
import { type Destination, formatterOf, type LogFormat } from './log-format.ts'

export type { Destination } from './log-format.ts'

/** Names of log levels as operators know them, and pino's. */
const levels = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error' } as const

/** The outputs of the log. */
type LogOutput = 'stdout' | 'file'

export interface LogOptions {
  readonly level: keyof typeof levels
  readonly format: LogFormat
  /** The place that standard output leads to. */
  readonly destination: Destination
  /** Written to beside standard output. */
  readonly file?: string | undefined
  /** Lines that cannot be written are tried again after this time. */
  readonly retryMs?: number
}

export interface Log {
  readonly logger: Logger
  /** Lines that were dropped, by output. */
  dropped(): ReadonlyMap<LogOutput, number>
  /** The file that is written to beside standard output, if any. */
  readonly file: Pick<LineFile, 'fault' | 'keptBy'> | undefined
  /** Opens the file anew, after it was rotated. */
  reopen(): void
  /** Writes what waits, as far as that is soon done. */
  close(): Promise<void>
}

/** Changes the lowest level that is logged. */
export function setLevel(logger: Logger, level: LogOptions['level']): void {
  logger.level = levels[level]
}

const RETRY_MS = 1_000
/** Lines that wait for a full disk or a reader that is late; more are dropped. */
const MOST = { lines: 10_000, characters: 2 ** 20 }
/** As much as a pipe holds: a slow reader is then told from one that stands still. */
const PIPE_CHARACTERS = 64 * 1024
/** Time for writing the last lines. */
const CLOSE_MS = 200

/**
 * Logs to standard output, and to a file if one is named, without ever waiting for either.
 * pino's own stream, SonicBoom, either blocks the process or ends it where a line cannot be written.
 */
export function createLog({ level, format, destination, file: path, retryMs = RETRY_MS }: LogOptions): Log {
  const outputs = new Map<LogOutput, Pick<LineFile, 'append' | 'lost' | 'close'>>()
  const formatters = { stdout: formatterOf(format, destination), file: formatterOf(format, 'file') }
  const logger = pino(
    {
      level: levels[level],
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(text: string) {
        for (const [name, output] of outputs) output.append({ text: formatters[name](text) })
      },
    },
  )
  outputs.set(
    'stdout',
    new LineWriter({
      target: async () => standardOutput,
      writeCharacters: PIPE_CHARACTERS,
      faultOf: faultOfOutput,
      ...common(logger, 'standard output', retryMs),
    }),
  )
  const file = path === undefined ? undefined : openLogFile(logger, path, retryMs)
  if (file) outputs.set('file', file)

  return {
    logger,
    dropped: () => new Map([...outputs].map(([name, { lost }]) => [name, lost])),
    file,
    reopen() {
      file?.reopen()
      void file?.flush()
    },
    async close() {
      await Promise.all([...outputs.values()].map((output) => output.close(CLOSE_MS)))
    },
  }
}

function openLogFile(logger: Logger, path: string, retryMs: number): LineFile {
  return new LineFile({
    path,
    flag: '--log-file',
    afterRename: 'stay',
    gone: () => logger.warn({ output: path }, 'the log file was deleted; going on in a new one'),
    kept: (reason) =>
      reason === undefined
        ? logger.info({ output: path }, 'the log file has been opened anew')
        : logger.error({ output: path, reason }, 'cannot open the log file anew; going on in the old one, and trying again'),
    ...common(logger, path, retryMs),
  })
}

/** The options that standard output and a file have in common. */
function common(logger: Logger, output: string, retryMs: number) {
  return {
    retryMs,
    most: MOST,
    gives: 'newest', // so that the line that tells how many are missing stands where they are
    failing: (reason: string) =>
      logger.error({ output, reason }, 'cannot write the log; lines wait, and with too many the newest are dropped'),
    recovered: (dropped: number) =>
      dropped > 0
        ? logger.warn({ output, dropped }, 'lines of the log were dropped')
        : logger.info({ output }, 'the log can be written again'),
  } as const
}

const writeTo = promisify(write)

/** Whatever it is: a file, a pipe, a socket, a terminal. It may belong to others as well, so it is left as it is, blocking. */
const standardOutput: LineTarget = {
  room: Number.POSITIVE_INFINITY,
  async write(bytes) {
    const { bytesWritten } = await writeTo(1, bytes)
    return bytesWritten
  },
  isAsLeft: async () => true,
}

function faultOfOutput(error: unknown): string {
  if (error instanceof NoAnswerError) return 'its reader, or its disk, stands still'
  const { code } = error as NodeJS.ErrnoException
  return code === 'EPIPE' ? 'its reader is gone' : faultOf(error, '--log-file')
}
