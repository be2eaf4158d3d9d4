import { basename } from 'node:path'
import type { Logger } from 'pino'
import { type Finding, type Target, watchProcesses } from './bitcoind/watch.ts'
import type { Measuring } from './measuring.ts'
import { NamesFile } from './node-names.ts'
import type { Settings } from './settings/load.ts'
import { nameOfUser, uidOf } from './settings/users.ts'
import { faultOfExecutable, offersTracepoints } from './sources/ebpf/executable.ts'
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
  /** Called when a node is known no more. */
  readonly forgotten: (node: string) => void
}

/** What is known of processes beside those that are measured. */
export interface Watching {
  /** What keeps processes from being measured. */
  findings(): readonly Finding[]
  /** What else an operator should see to, in words. */
  warnings(): readonly string[]
  close(): Promise<void>
}

/** Has the processes measured that the settings name, from now on. Throws if there is none and none is to be waited for. */
export async function watch({ settings, measuring, log, appeared, gone, forgotten }: WatchingOptions): Promise<Watching> {
  const { bitcoind, nodes, nodeName, waitForTarget, forgetAfterMs } = settings
  const pid = settings.pid || undefined
  const users = settings.users && new Set(settings.users.map(uidOf).filter((uid) => uid !== undefined))
  const namesFile = await openNamesFile(settings, log)
  const several = new SeveralUsers(log)
  const watcher = await watchProcesses(
    { bitcoind, pid, nodes, nodeName, users },
    {
      log,
      watchExit,
      faultOfExecutable: (path) => (basename(path) === 'bitcoin' ? startsOthers(path) : faultOfExecutable(path, tracepoints)),
      offersTracepoints: (path) => offersTracepoints(path, tracepoints),
      remembered: namesFile?.names,
      keep: (names) => namesFile?.keep(names),
      forgetAfterMs,
    },
    {
      expected: (node) => void measuring.declare(node),
      appeared(target) {
        measuring.appeared(target)
        several.begin(target)
        appeared()
      },
      gone(target) {
        several.end(target)
        measuring.gone(target)
        gone()
      },
      forgotten(node) {
        measuring.forget(node)
        log.info({ node }, 'this node ended long ago; its series end here')
        forgotten(node)
      },
    },
  )
  const close = async () => {
    watcher.close()
    await namesFile?.close()
  }
  if (!waitForTarget && !isMeasuring(measuring)) {
    await close()
    const [found] = watcher.findings()
    throw new Error(watcher.targets().length > 0 ? 'no tracepoint could be attached' : (found?.text ?? 'no bitcoind is running'))
  }
  if (watcher.targets().length === 0) {
    if (watcher.findings().length === 0) log.info({ bitcoind, pid }, 'no bitcoind is running; waiting for one')
    appeared() // the series of what is to come start now, at 0
  }
  return {
    findings: () => watcher.findings(),
    warnings: () =>
      [several.warning ?? [], namesFile?.fault === undefined ? [] : `The names of nodes cannot be remembered: ${namesFile.fault}`].flat(),
    close,
  }
}

const isMeasuring = ({ nodes }: Measuring) => nodes.some(({ probes }) => probes.some(({ attached }) => attached))

const startsOthers = (path: string) =>
  `${path} only starts bitcoind or bitcoin-node, and then is gone: name that one, such as /usr/libexec/bitcoin-node`

/** Beside the journal: what is to stay when the agent is started again lies there. */
async function openNamesFile({ journal }: Settings, log: Logger): Promise<NamesFile | undefined> {
  if (journal === undefined) return undefined
  const file = new NamesFile(journal.replace(/(\.[^./]*)?$/, '.node-names'), log)
  await file.read()
  return file
}

/** Says so while processes of several users are measured and nobody asked for that: any user can call a program bitcoind. */
class SeveralUsers {
  readonly #log: Logger
  readonly #targets = new Map<string, Target>()
  #told = ''

  constructor(log: Logger) {
    this.#log = log
  }

  get warning(): string | undefined {
    const users = Map.groupBy(this.#targets.values(), ({ uid }) => uid)
    if (users.size < 2) return undefined
    const nodesOfUsers = [...users].map(([uid, targets]) => `${nameOfUser(uid)} (${targets.map(({ node }) => node).join(', ')})`)
    return `Nodes of several users are measured: ${nodesOfUsers.join('; ')}. Choose with --users whose are.`
  }

  begin(target: Target): void {
    this.#targets.set(target.node, target)
    const warning = this.warning
    if (warning !== undefined && warning !== this.#told) this.#log.warn(warning)
    this.#told = warning ?? ''
  }

  end({ node }: Target): void {
    this.#targets.delete(node)
  }
}
