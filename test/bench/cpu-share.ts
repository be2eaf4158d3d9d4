import { setTimeout } from 'node:timers/promises'
import { cpuSeconds } from '../harness/process-usage.ts'
import { median } from '../harness/statistics.ts'

/** CPU time that a process takes of one core, in percent. */
export async function shareOfCore(pid: number, windowMs: number): Promise<number> {
  const before = cpuSeconds(pid)
  const begin = performance.now()
  await setTimeout(windowMs)
  return ((cpuSeconds(pid) - before) / (performance.now() - begin)) * 1e5
}

/** The median second's: the agent gives memory back in one of them, which costs more than a few events. */
export async function usualShareOfCore(pid: number, seconds: number): Promise<number> {
  const shares: number[] = []
  for (let second = 0; second < seconds; second++) shares.push(await shareOfCore(pid, 1000))
  return median(shares)
}
