import { resolve } from 'node:path'
import type { Logger } from 'pino'
import { faultOfStarter } from './bitcoind/faults.ts'
import { NamesFile } from './bitcoind/names/names-file.ts'
import { selectionOf } from './bitcoind/select.ts'
import { SeveralUsers } from './bitcoind/several-users.ts'
import { type Finding, watchProcesses } from './bitcoind/watch.ts'
import { besideJournal } from './journal/files.ts'
import { watchExit } from './native/watch.ts'
import type { Nodes } from './nodes/nodes.ts'
import type { Settings } from './settings/load.ts'
import { faultOfExecutable, offersTracepoints } from './sources/ebpf/binary/executable.ts'
import { tracepoints } from './tracepoints/index.ts'

/** The processes that the settings name. */
export interface Processes {
  /** Whether any runs. */
  readonly isAnyUp: boolean
  /** Faults that keep processes from being measured. */
  faults(): readonly Finding[]
  /** Further problems for the operator, in words. */
  warnings(): readonly string[]
  close(): Promise<void>
}

/** Attaches to the processes that the settings name as they start and stop. Throws if there is none and none is to be waited for. */
export async function openProcesses(settings: Settings, nodes: Nodes, log: Logger): Promise<Processes> {
  const { nodeName, waitForTarget, forgetAfterMs, source, debugLog } = settings
  if (debugLog !== undefined) return openNamedLog(debugLog, nodeName, waitForTarget, nodes)
  const selection = selectionOf(settings)
  const namesFile = await openNamesFile(settings, log)
  const several = new SeveralUsers(log)
  const watcher = await watchProcesses(
    selection,
    {
      log,
      watchExit,
      faultOfExecutable: (path) => faultOfStarter(path) ?? (source === 'log' ? undefined : faultOfExecutable(path, tracepoints)),
      offersTracepoints: (path) => offersTracepoints(path, tracepoints),
      remembered: namesFile?.names,
      keep: (names) => namesFile?.keep(names),
      forgetAfterMs,
    },
    {
      nodeExpected: (node) => void nodes.add(node),
      processStarted(target) {
        nodes.processStarted(target)
        several.processStarted(target)
      },
      processExited(target) {
        several.processExited(target)
        nodes.processExited(target)
      },
      nodeForgotten: (node) => nodes.remove(node),
    },
  )
  const close = async () => {
    watcher.close()
    await namesFile?.close()
  }
  if (!waitForTarget && !isAnyAttached(nodes)) {
    await close()
    const [fault] = watcher.findings()
    throw new Error(watcher.targets().length > 0 ? NOTHING_ATTACHED : (fault?.text ?? 'no bitcoind is running'))
  }
  if (watcher.targets().length + watcher.findings().length === 0)
    log.info({ bitcoind: selection.bitcoind, pid: selection.pid }, 'no bitcoind is running; waiting for one')
  return {
    isAnyUp: watcher.targets().length > 0,
    faults: () => watcher.findings(),
    warnings: () =>
      [several.warning ?? [], namesFile?.fault === undefined ? [] : `The names of nodes cannot be remembered: ${namesFile.fault}`].flat(),
    close,
  }
}

const NOTHING_ATTACHED = 'no tracepoint could be attached'

/** A node of which only the log is known: it is taken for one that runs. */
function openNamedLog(path: string, node: string, isWaited: boolean, nodes: Nodes): Processes {
  nodes.processStarted({ node, pid: 0, executable: resolve(path) })
  if (!isWaited && !isAnyAttached(nodes)) throw new Error(reasonOf(nodes) ?? NOTHING_ATTACHED)
  return { isAnyUp: true, faults: () => [], warnings: () => [], close: async () => {} }
}

const reasonOf = (nodes: Nodes) => nodes.snapshot().flatMap(({ probes }) => probes.flatMap(({ reason }) => reason ?? []))[0]

const isAnyAttached = (nodes: Nodes) => nodes.snapshot().some(({ probes }) => probes.some(({ attached }) => attached))

/** Beside the journal: what is to stay when the agent is started again lies there. */
async function openNamesFile({ journal }: Settings, log: Logger): Promise<NamesFile | undefined> {
  if (journal === undefined) return undefined
  const file = new NamesFile(besideJournal(journal, '.node-names'), log)
  await file.read()
  return file
}
