import { vi } from 'vitest'
import { command } from './run-command.ts'

interface RunOptions {
  readonly journal?: string
  /** Columns of the terminal; none where the output goes to a pipe. */
  readonly columns?: number
  readonly noColor?: boolean
  /** Further variables of the environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs `fibre-agent blocks …` at ten o'clock: its exit code, and what it wrote. */
export async function blocksCommand(argv: readonly string[], { journal = 'none', columns, noColor = false, env }: RunOptions) {
  vi.setSystemTime('2026-11-22T10:00:00Z')
  try {
    return await command(['blocks', ...argv], {
      ...(columns !== undefined && { columns }),
      env: { FIBRE_JOURNAL: journal, ...(noColor && { NO_COLOR: '1' }), ...env },
    })
  } finally {
    vi.useRealTimers()
  }
}
