import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { SystemReader } from './system-reader.ts'

/** Resources that this process uses; `undefined` where that cannot be read. */
export interface ProcessState {
  readonly cpuSeconds: number | undefined
  readonly residentBytes: number | undefined
  readonly virtualBytes: number | undefined
  readonly openFds: number | undefined
  readonly maxFds: number | undefined
}

/** Reads what this process uses now. */
export function readProcessState(reader: SystemReader): ProcessState {
  return {
    cpuSeconds: reader.tryRead('process_cpu_seconds_total', cpuSeconds),
    residentBytes: reader.tryRead('process_resident_memory_bytes', () => process.memoryUsage.rss()),
    virtualBytes: reader.tryRead('process_virtual_memory_bytes', virtualBytes),
    openFds: reader.tryRead('process_open_fds', openFds),
    maxFds: reader.tryRead('process_max_fds', openFileLimit),
  }
}

/** Measures the delay with which the event loop returns to work that is due now, in seconds. */
export async function eventLoopLagSeconds(): Promise<number> {
  const start = performance.now()
  await setImmediate()
  return (performance.now() - start) / 1e3
}

const pageBytes = 4096

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function virtualBytes(): number {
  const [pages = '0'] = readFileSync('/proc/self/statm', 'latin1').split(' ')
  return Number(pages) * pageBytes
}

const openFds = () => readdirSync('/proc/self/fd').length - 1 // one is the reading itself

/** Reads the number of files that this process may have open. */
export function openFileLimit(): number {
  limit ??= Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1])
  return limit
}

/** Read once: it stays for the life of the process. */
let limit: number | undefined
