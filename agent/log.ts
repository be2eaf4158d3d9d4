import { write } from 'node:fs'
import { promisify } from 'node:util'
import pino, { type Logger } from 'pino'
import { faultOf, NoAnswerError } from './files/fault.ts'
import { type Line, type LineTarget, LineWriter, type LineWriterOptions } from './files/line-writer.ts'
import { NamedFile } from './files/named-file.ts'

/** Names of log levels as operators know them, and pino's. */
const levels = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error' } as const

/** Where the log goes. */
type LogOutput = 'stdout' | 'file'

export interface LogOptions {
  readonly level: keyof typeof levels
  /** Written to beside standard output. */
  readonly file?: string | undefined
  /** What cannot be written is tried again after this time. */
  readonly retryMs?: number
}

export interface Log {
  readonly logger: Logger
  /** Lines that were dropped, by output. */
  dropped(): ReadonlyMap<LogOutput, number>
  /** Opens the file anew, after it was rotated. */
  reopen(): void
  /** Writes what waits, as far as that is soon done. */
  close(): Promise<void>
}

const RETRY_MS = 1_000
/** Lines that wait for a full disk or a reader that is late; more are dropped. */
const MOST = { lines: 10_000, characters: 2 ** 20 }
/** What writing the last lines may take. */
const CLOSE_MS = 200

/**
 * Logs NDJSON to standard output, and to a file if one is named, without ever waiting for either.
 * pino's own stream, SonicBoom, either blocks the process or ends it where a line cannot be written.
 */
export function createLog({ level, file: path, retryMs = RETRY_MS }: LogOptions): Log {
  const outputs = new Map<LogOutput, LineWriter<Line>>()
  const logger = pino(
    {
      level: levels[level],
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(text: string) {
        for (const output of outputs.values()) output.append({ text })
      },
    },
  )
  outputs.set('stdout', openOutput(logger, 'standard output', { target: async () => standardOutput, faultOf: faultOfOutput, retryMs }))
  const file = path === undefined ? undefined : openFile(path)

  function openFile(path: string): NamedFile {
    const faultOfFile = (error: unknown) => faultOf(error, '--log-file')
    const file = new NamedFile({
      path,
      retryMs,
      faultOf: faultOfFile,
      changed: (reason) =>
        reason === undefined
          ? logger.info({ output: path }, 'the log file has been opened anew')
          : logger.error({ output: path, reason }, 'cannot open the log file anew; going on in the old one, and trying again'),
      retry: () => outputs.get('file')?.flush(),
    })
    outputs.set('file', openOutput(logger, path, { target: () => file.current(), faultOf: faultOfFile, retryMs }))
    return file
  }

  return {
    logger,
    dropped: () => new Map([...outputs].map(([name, { lost }]) => [name, lost])),
    reopen() {
      file?.reopen()
      void outputs.get('file')?.flush()
    },
    async close() {
      await Promise.all([...outputs.values()].map((output) => output.close(CLOSE_MS)))
      if (!outputs.get('file')?.isBusy) await file?.close()
    },
  }
}

function openOutput(
  logger: Logger,
  output: string,
  options: Pick<LineWriterOptions<Line>, 'target' | 'faultOf' | 'retryMs'>,
): LineWriter<Line> {
  return new LineWriter({
    ...options,
    most: MOST,
    gives: 'newest', // so that the line that tells how many are missing stands where they are
    failing: (reason) => logger.error({ output, reason }, 'cannot write the log; lines wait, and with too many the newest are dropped'),
    recovered: (dropped) =>
      dropped > 0
        ? logger.warn({ output, dropped }, 'lines of the log were dropped')
        : logger.info({ output }, 'the log can be written again'),
  })
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
