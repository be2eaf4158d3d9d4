import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

export interface BusyCore extends AsyncDisposable {
  readonly pid: number
}

/** Keeps one core busy with a process that computes without end, as a node that validates does. Others may still be scheduled there. */
export async function occupyCore(): Promise<BusyCore> {
  const child = spawn('taskset', ['--cpu-list', lastCore(), 'sh', '-c', 'while :; do :; done'], { stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  await once(child, 'spawn')
  return {
    pid: child.pid as number,
    async [Symbol.asyncDispose]() {
      process.removeListener('exit', kill)
      const exited = once(child, 'exit')
      kill()
      await exited
    },
  }
}

/** Number of the last core that this process may run on. */
function lastCore(): string {
  const core = /^Cpus_allowed_list:.*?(\d+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]
  if (core === undefined) throw new Error('/proc/self/status names no core')
  return core
}
