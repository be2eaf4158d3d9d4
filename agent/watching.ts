import type { Logger } from 'pino'
import { type ProcessWatcher, watchProcesses } from './bitcoind/watch.ts'
import type { Measuring } from './measuring.ts'
import type { Settings } from './settings/load.ts'
import { faultOfExecutable } from './sources/ebpf/executable.ts'
import { watchExit } from './sources/ebpf/libbpf.ts'
import { tracepoints } from './tracepoints/index.ts'

export interface WatchingOptions {
  readonly settings: Settings
  readonly measuring: Measuring
  readonly log: Logger
  /** Called when there is a node more. */
  readonly appeared: () => void
  /** Called when a node has gone. */
  readonly gone: () => void
}

/** Has the processes measured that the settings name, from now on. Throws if there is none and none is to be waited for. */
export async function watch({ settings, measuring, log, appeared, gone }: WatchingOptions): Promise<ProcessWatcher> {
  const { bitcoind, pid, nodes, nodeName, waitForTarget } = settings
  warnOfExecutables(settings, log)
  const selection = { bitcoind, pid: pid || undefined, nodes, nodeName }
  const watcher = await watchProcesses(
    selection,
    { log, watchExit },
    {
      appeared(target) {
        measuring.appeared(target)
        appeared()
      },
      gone(target) {
        measuring.gone(target)
        gone()
      },
      refused: ({ pid, executable }, reason) => log.warn({ pid, executable }, reason),
      unreadable: (pid, reason) => log.warn({ pid }, reason),
    },
  )
  const isMeasuring = measuring.nodes.some(({ probes }) => probes.some(({ attached }) => attached))
  if (!waitForTarget && !isMeasuring) {
    watcher.close()
    throw new Error(measuring.nodes.length === 0 ? 'no bitcoind is running' : 'no tracepoint could be attached')
  }
  if (measuring.nodes.length === 0) {
    log.info({ bitcoind, pid: selection.pid }, 'no bitcoind is running; waiting for one')
    // The series of what is to come start now, at 0.
    for (const name of nodes.length > 0 ? nodes.map(({ name }) => name) : [nodeName]) measuring.declare(name)
    appeared()
  }
  return watcher
}

/** One that can never be measured would be waited for in silence. */
function warnOfExecutables({ bitcoind, nodes }: Settings, log: Logger): void {
  for (const path of [bitcoind, ...nodes.map(({ path }) => path)]) {
    const fault = path === undefined ? undefined : faultOfExecutable(path, tracepoints)
    if (fault !== undefined) log.warn({ path }, fault)
  }
}
