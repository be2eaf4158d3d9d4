import pino, { type Logger } from 'pino'

/** Names of log levels as operators know them, and pino's. */
const levels = { DEBUG: 'debug', INFO: 'info', WARNING: 'warn', ERROR: 'error' } as const

export interface LogOptions {
  readonly level: keyof typeof levels
  /** Written to beside standard output. */
  readonly file?: string | undefined
}

export interface Log {
  readonly logger: Logger
  /** Opens the file anew, after it was rotated. */
  reopen(): void
}

/** Logs NDJSON to standard output, and to a file if one is named. Throws if that cannot be written. */
export function createLog({ level, file }: LogOptions): Log {
  const output = pino.destination({ dest: 1, sync: true })
  const copy = file === undefined ? undefined : pino.destination({ dest: file, append: true, sync: true })
  const streams = [output, ...(copy ? [copy] : [])].map((stream) => ({ stream, level: levels[level] }) as const)
  const logger = pino(
    {
      level: levels[level],
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    streams.length === 1 ? output : pino.multistream(streams),
  )
  return { logger, reopen: () => copy?.reopen() }
}
