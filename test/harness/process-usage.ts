import { readdirSync, readFileSync } from 'node:fs'

/** CPU time that the threads of a process have taken so far. The scheduler's own count: ticks of 10 ms read an idle process as 0. */
export function cpuSeconds(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const nanoseconds = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]))
  return nanoseconds.reduce((sum, ns) => sum + ns, 0) / 1e9
}

/** Resident memory of a process, in units of 10⁶ bytes. */
export function residentMegabytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return (Number(kibibytes) * 1024) / 1e6
}
