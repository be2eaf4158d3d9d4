import type { Logger } from 'pino'
import { enableRunStatistics, readProgramCounts } from '../../../native/libbpf.ts'
import { closeDescriptor } from '../../../native/libc.ts'
import type { ProgramUsage } from '../../usage.ts'
import type { KernelProgram } from './program.ts'

const REFUSED = 'the kernel refuses to count runs of eBPF programs, which takes CAP_SYS_ADMIN; their metrics are left out'

/** What the kernel counts of the programs. */
export interface Statistics {
  /** Why runs are not counted although they should be. */
  readonly warnings: readonly string[]
  read(): readonly ProgramUsage[]
  close(): void
}

/** Has the kernel count runs and their time if that is asked for, until closed. If it refuses, measuring goes on without. */
export function openStatistics({ programs }: Pick<KernelProgram, 'programs'>, countRuns: boolean, log: Logger): Statistics {
  const fd = countRuns ? tryEnable(log) : undefined
  return {
    warnings: countRuns && fd === undefined ? [REFUSED] : [],
    read: () =>
      Object.entries(programs).map(([program, pointer]) => {
        const { runs, runNs, missed } = readProgramCounts(pointer)
        return { program, missed, runs: fd === undefined ? undefined : { count: runs, seconds: runNs / 1e9 } }
      }),
    close: () => {
      if (fd !== undefined) closeDescriptor(fd)
    },
  }
}

function tryEnable(log: Logger): number | undefined {
  try {
    return enableRunStatistics()
  } catch (error) {
    log.warn({ reason: (error as Error).message }, REFUSED)
    return undefined
  }
}
