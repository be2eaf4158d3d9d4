import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { faultOfStarter, SelectionFaults } from '../../bitcoind/faults.ts'
import { isCalledLikeNode } from '../../bitcoind/lookalikes.ts'
import { identityOf, readExecutable, readLife, readStatus } from '../../bitcoind/proc/proc.ts'
import { ifReadable } from '../../bitcoind/proc/read.ts'
import { nameOfUser, uidOf } from '../../bitcoind/proc/users.ts'
import { type Found, Search, shortened } from '../../bitcoind/search.ts'
import { type LoadedSettings, waitsForNode } from '../../settings/load.ts'
import { faultOfExecutable, offersTracepoints } from '../../sources/ebpf/binary/executable.ts'
import { tracepoints } from '../../tracepoints/index.ts'
import type { Finding } from './finding.ts'

const area = 'nodes'
const ROOT = '/proc'

/** The processes that the agent would measure, and those that it would not although they may be nodes. */
export interface NodeProcesses {
  readonly found: readonly Found[]
  readonly findings: readonly Finding[]
}

/** Looks for the processes of the settings as the agent does. */
export function findNodes(loaded: LoadedSettings): NodeProcesses {
  const { bitcoind, pid, nodes, nodeName, users: given } = loaded.settings
  const users = given && new Set(given.map(uidOf).filter((uid) => uid !== undefined))
  const selection = { bitcoind, pid: pid || undefined, nodes, nodeName, users }
  const search = new Search(selection, ROOT)
  const found = search.find({ known: [], isNodeMissing: true, isFull: true })
  const findings: Finding[] = []
  for (const { text } of search.unreadable)
    findings.push({ area, level: found.length > 0 ? 'warning' : 'fault', what: text, why: 'this process is not measured' })
  for (const { text } of search.ofOtherUsers) findings.push({ area, level: 'note', what: text })
  const told = [...found, ...search.unreadable, ...search.ofOtherUsers].map(({ pid }) => pid)
  findings.push(...judgeOthers(new Set([process.pid, ...told])))
  const isMeasured = (wanted: string | undefined) => found.some(({ name }) => name === wanted)
  const faultOf = (path: string) => faultOfStarter(path) ?? faultOfExecutable(path, tracepoints)
  for (const { text } of new SelectionFaults(selection, ROOT, faultOf).find(isMeasured))
    findings.push({
      area,
      level: 'warning',
      what: text,
      why: 'no process of it can be measured',
      todo: 'correct --bitcoind, --pid or --node',
    })
  if (found.length + search.unreadable.length === 0) {
    const waits = waitsForNode(loaded)
    findings.push({
      area,
      level: waits ? 'warning' : 'fault',
      what: 'no process of these settings runs',
      why: waits ? 'the agent would wait for one' : 'the agent would end at once',
      todo: 'start bitcoind, or name another process with --bitcoind, --pid or --node',
    })
  }
  return { found, findings }
}

/** Judges processes that are not of the selection, but have the tracepoints or are called like a node. */
function judgeOthers(told: ReadonlySet<number | undefined>): readonly Finding[] {
  const verdicts = new Map<string, boolean>()
  const offers = (directory: string, identity: string) => {
    const verdict = verdicts.get(identity) ?? ifReadable(() => offersTracepoints(`${directory}/exe`, tracepoints)) ?? false
    verdicts.set(identity, verdict)
    return verdict
  }
  return readdirSync(ROOT)
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && !told.has(pid))
    .flatMap((pid) => ifReadable(() => judgeOther(pid, offers)) ?? [])
}

function judgeOther(pid: number, offers: (directory: string, identity: string) => boolean): readonly Finding[] {
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
    return [{ area, level: 'note', what: `${what} the tracepoints`, why: leftOut, todo: `to measure it: --bitcoind ${path}` }]
  return isCalledLikeNode(basename(path)) ? [{ area, level: 'note', what: `${what} none of the tracepoints` }] : []
}

const leftOut = 'these settings leave it out'
