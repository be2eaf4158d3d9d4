import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { faultOfStarter, SelectionFaults } from '../../bitcoind/faults.ts'
import { isCalledLikeNode } from '../../bitcoind/lookalikes.ts'
import { identityOf, readExecutable, readLife, readStatus } from '../../bitcoind/proc/proc.ts'
import { ifReadable, readStart } from '../../bitcoind/proc/read.ts'
import { nameOfUser } from '../../bitcoind/proc/users.ts'
import { type Found, Search, shortened } from '../../bitcoind/search.ts'
import { type Selection, selectionOf } from '../../bitcoind/select.ts'
import { type LoadedSettings, waitsForNode } from '../../settings/load.ts'
import { faultOfExecutable, offersTracepoints } from '../../sources/ebpf/binary/executable.ts'
import { CAP_SYS_PTRACE, lacks } from '../../sources/ebpf/program/hindrances.ts'
import { readCapabilities } from '../../sources/ebpf/program/kernel-facts.ts'
import { isInMachinePidNamespace } from '../../sources/ebpf/program/program.ts'
import { tracepoints } from '../../tracepoints/index.ts'
import { type Finding, listed } from './finding.ts'

const area = 'nodes'
const ROOT = '/proc'

/** The processes that the agent would measure, and those that it would not although they may be nodes. */
export interface NodeProcesses {
  readonly found: readonly Found[]
  readonly findings: readonly Finding[]
}

/** Looks for the processes of the settings as the agent does. */
export function findNodes(loaded: LoadedSettings): NodeProcesses {
  const selection = selectionOf(loaded.settings)
  const search = new Search(selection, ROOT, (path) => offersTracepoints(path, tracepoints))
  const found = search.find({ known: [], isNodeMissing: true, isFull: true })
  const { unreadable, ofOtherUsers } = search
  const level = found.length > 0 ? 'warning' : 'fault'
  const told = [...found, ...unreadable, ...ofOtherUsers].map(({ pid }) => pid)
  const findings: readonly Finding[] = [
    ...unreadable.map(({ text }): Finding => ({ area, level, what: text, why: 'this process is not measured' })),
    ...ofOtherUsers.map(({ text }): Finding => ({ area, level: 'note', what: text })),
    ...judgeOthers(new Set([process.pid, ...told]), flagOfAnother(selection)),
    ...judgePaths(selection, found),
    ...(found.length + unreadable.length === 0 ? judgeAbsence(waitsForNode(loaded)) : []),
  ]
  return { found, findings }
}

/** How a process is named that these settings leave out, beside those that they name. */
function flagOfAnother({ pid, bitcoind, nodes }: Selection): string {
  return pid === undefined && bitcoind === undefined && nodes.length === 0 ? '--bitcoind ' : '--node NAME='
}

function judgePaths(selection: Selection, found: readonly Found[]): readonly Finding[] {
  const faultOf = (path: string) => faultOfStarter(path) ?? faultOfExecutable(path, tracepoints)
  const isMeasured = (wanted: string | undefined) => found.some(({ name }) => name === wanted)
  const why = 'no process of it can be measured'
  const todo = 'correct --bitcoind, --pid or --node'
  const faults = new SelectionFaults(selection, ROOT, faultOf).find(isMeasured)
  return faults.map(({ text }) => ({ area, level: 'warning', what: text, why, todo }))
}

function judgeAbsence(isWaitedFor: boolean): readonly Finding[] {
  const absence: Finding = {
    area,
    level: isWaitedFor ? 'warning' : 'fault',
    what: 'no process of these settings runs',
    why: isWaitedFor ? 'the agent would wait for one' : 'the agent would end at once',
    todo: 'start bitcoind, or name another process with --bitcoind, --pid or --node',
  }
  if (ifReadable(isInMachinePidNamespace) ?? true) return [absence]
  const what = 'only the processes of a PID namespace are seen'
  const why = 'a bitcoind that runs outside of this container is not among them'
  const todo = 'share its PID namespace: --pid=host or --pid=container:NAME, hostPID or shareProcessNamespace in Kubernetes'
  return [absence, { area, level: 'note', what, why, todo }]
}

/** Judges processes that are not of the selection, but have the tracepoints or are called like a node. */
function judgeOthers(told: ReadonlySet<number | undefined>, flag: string): readonly Finding[] {
  const verdicts = new Map<string, boolean>()
  const offers = (directory: string, identity: string) => {
    const verdict = verdicts.get(identity) ?? ifReadable(() => offersTracepoints(`${directory}/exe`, tracepoints)) ?? false
    verdicts.set(identity, verdict)
    return verdict
  }
  const pids = readdirSync(ROOT)
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && !told.has(pid))
  const findings = pids.flatMap((pid) => ifReadable(() => judgeOther(pid, offers, flag)) ?? [])
  const hidden = pids.filter(isHidden).map((pid) => `pid ${pid} (${ifReadable(() => readLife(`${ROOT}/${pid}`))?.name ?? 'a program'})`)
  return [...findings, ...judgeHidden(hidden, process.geteuid?.() === 0, readCapabilities())]
}

/** Judges that processes cannot be looked at, by what this command is allowed. */
export function judgeHidden(hidden: readonly string[], isRoot: boolean, capabilities: bigint | undefined): readonly Finding[] {
  if (hidden.length === 0) return []
  const what = `${hidden.length === 1 ? 'one process' : `${hidden.length} processes`} cannot be looked at: ${listed(hidden)}`
  const why = 'a node under another name may be among them'
  if (capabilities !== undefined && !lacks({ capabilities }, CAP_SYS_PTRACE))
    return [
      { area, level: 'note', what, why: `${why}; this command has CAP_SYS_PTRACE, but the kernel or a security module protects them` },
    ]
  return [
    {
      area,
      level: 'note',
      what,
      why,
      todo: isRoot ? 'give this command CAP_SYS_PTRACE to see all' : 'run this command as root to see all',
    },
  ]
}

/** Whether the program of a process cannot be seen. A process of the kernel has no words. */
function isHidden(pid: number): boolean {
  try {
    readExecutable(`${ROOT}/${pid}`)
    return false
  } catch {
    return ifReadable(() => readStart(`${ROOT}/${pid}/cmdline`, 1)) !== ''
  }
}

function judgeOther(pid: number, offers: (directory: string, identity: string) => boolean, flag: string): readonly Finding[] {
  const directory = `${ROOT}/${pid}`
  const owner = () => nameOfUser(readStatus(directory)?.uid ?? Number.NaN)
  let identity: string | undefined
  try {
    identity = identityOf(`${directory}/exe`)
  } catch {
    const name = readLife(directory)?.name ?? ''
    if (!isCalledLikeNode(name)) return []
    const what = `pid ${pid} of ${owner()} is called ${name}, and cannot be looked at`
    return [{ area, level: 'note', what, why: leftOut, todo: `run this command as ${owner()} or as root` }]
  }
  const path = readExecutable(directory)
  if (identity === undefined || path === undefined) return []
  const what = `pid ${pid} runs ${shortened(path)} as ${owner()}, which has`
  if (offers(directory, identity))
    return [{ area, level: 'note', what: `${what} the tracepoints`, why: leftOut, todo: `to measure it: ${flag}${path}` }]
  return isCalledLikeNode(basename(path)) ? [{ area, level: 'note', what: `${what} none of the tracepoints` }] : []
}

const leftOut = 'these settings leave it out'
