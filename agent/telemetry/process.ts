import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { ProcessState } from '../metrics/self.ts'

/** What this process uses now. */
export function readProcessState(): ProcessState {
  const { user, system } = process.cpuUsage()
  const [virtualPages = '0'] = readFileSync('/proc/self/statm', 'latin1').split(' ')
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    virtualBytes: Number(virtualPages) * pageBytes,
    openFds: readdirSync('/proc/self/fd').length - 1, // one is the reading itself
    maxFds,
  }
}

/** How late the event loop comes back to work that is due now, in seconds. */
export async function eventLoopLagSeconds(): Promise<number> {
  const start = performance.now()
  await setImmediate()
  return (performance.now() - start) / 1e3
}

const pageBytes = 4096
const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
const maxFds = Number(limit?.[1] ?? Number.NaN)
