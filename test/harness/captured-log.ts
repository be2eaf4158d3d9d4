import pino from 'pino'

export const silentLog = pino({ level: 'silent' })

/** A line that the code under test has logged in this process. */
export interface LoggedLine {
  readonly level: number
  readonly msg: string
  readonly [field: string]: unknown
}

/** A log that keeps its lines, of that level or above. */
export function captureLog(level: 'debug' | 'info' | 'warn' = 'info') {
  const lines: LoggedLine[] = []
  const log = pino({ level, base: null, timestamp: false }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  return { log, lines }
}
