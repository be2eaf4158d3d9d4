import { readdirSync } from 'node:fs'
import { Names } from '../../bitcoind/names/names.ts'
import { identityOf, readExecutable, readStatus } from '../../bitcoind/proc/proc.ts'
import { ifReadable } from '../../bitcoind/proc/read.ts'
import { nameOfUser, uidOf } from '../../bitcoind/proc/users.ts'
import { type Found, Search } from '../../bitcoind/search.ts'
import { type LoadedSettings, type Settings, waitsForNode } from '../../settings/load.ts'
import { offersTracepoints } from '../../sources/ebpf/binary/executable.ts'
import type { EventSource, ProbeState } from '../../sources/source.ts'
import { requiredProbes, tracepoints } from '../../tracepoints/index.ts'
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
  const search = new Search({ bitcoind, pid: pid || undefined, nodes, nodeName, users }, ROOT)
  const found = search.find({ known: [], isNodeMissing: true, isFull: true })
  const findings: Finding[] = []
  for (const { text } of search.unreadable)
    findings.push({ area, level: found.length > 0 ? 'warning' : 'fault', what: text, why: 'this process is not measured' })
  for (const { text } of search.ofOtherUsers) findings.push({ area, level: 'note', what: text })
  findings.push(...lookalikes(new Set(found.map((process) => process.pid))))
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

/** Processes that have the tracepoints and are not of the selection. */
function lookalikes(selected: ReadonlySet<number>): readonly Finding[] {
  const verdicts = new Map<string, boolean>()
  const offers = (directory: string, identity: string) => {
    const verdict = verdicts.get(identity) ?? ifReadable(() => offersTracepoints(`${directory}/exe`, tracepoints)) ?? false
    verdicts.set(identity, verdict)
    return verdict
  }
  return readdirSync(ROOT)
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && !selected.has(pid))
    .flatMap((pid): readonly Finding[] => {
      const directory = `${ROOT}/${pid}`
      const identity = ifReadable(() => identityOf(`${directory}/exe`))
      if (identity === undefined || !offers(directory, identity)) return []
      const path = ifReadable(() => readExecutable(directory)) ?? '?'
      const uid = ifReadable(() => readStatus(directory)?.uid)
      const what = `pid ${pid} runs ${path}${uid === undefined ? '' : ` as ${nameOfUser(uid)}`}, which has the tracepoints`
      return [{ area, level: 'note', what, why: 'these settings leave it out', todo: `to measure it: --bitcoind ${path}` }]
    })
}

/** Attaches to each process for a moment, and tells what came of it. Without a source, nothing is tried. */
export async function tryNodes(found: readonly Found[], settings: Settings, source: EventSource | undefined): Promise<readonly Finding[]> {
  const names = new Names({ nodeName: settings.nodeName, given: settings.nodes.map(({ name }) => name) })
  names.learn(found.filter(({ name }) => name === undefined))
  const findings: Finding[] = []
  for (const process of found) {
    const node = process.name ?? names.of(process)
    const { pid, executable, uid, dataDirectory } = process
    findings.push({ area, level: 'ok', what: `pid ${pid} is node ${node}: ${executable} of ${nameOfUser(uid)}, data in ${dataDirectory}` })
    if (source === undefined) continue
    try {
      const attachment = source.attach({ node, pid, executable })
      const states = attachment.probes
      await attachment.close()
      findings.push(...judgeProbes(node, states, requiredProbes))
    } catch (error) {
      findings.push({ area, level: 'fault', what: `${node}: ${(error as Error).message}`, why: 'this node is not measured' })
    }
  }
  return findings
}

const providerOf = ({ probe }: ProbeState) => probe.split(':', 1)[0] ?? ''

/** Names absent tracepoints; those of a provider of which the binary has none, as one. */
function shorten(absent: readonly ProbeState[], offered: ReadonlySet<string>): readonly string[] {
  return [...new Set(absent.map((state) => (offered.has(providerOf(state)) ? state.probe : `${providerOf(state)}:*`)))]
}

/** Judges what came of attaching to a node. */
export function judgeProbes(node: string, states: readonly ProbeState[], required: ReadonlySet<string>): readonly Finding[] {
  const attached = states.filter((state) => state.attached)
  const offered = states.filter((state) => state.offered)
  const findings: Finding[] = []
  if (offered.length === 0)
    return [
      {
        area,
        level: 'fault',
        what: `${node}: its binary has none of the tracepoints`,
        why: 'there is nothing to measure',
        todo: 'run a bitcoind with FIBRE that was built with USDT tracing',
      },
    ]
  if (attached.length > 0)
    findings.push({ area, level: 'ok', what: `${node}: ${attached.length} of ${offered.length} tracepoints can be attached` })
  const missing = states.filter(({ offered, probe }) => !offered && required.has(probe)).map(({ probe }) => probe)
  if (missing.length > 0)
    findings.push({
      area,
      level: 'warning',
      what: `${node}: its binary lacks ${missing.join(', ')}`,
      why: 'what they tell is not measured, and /ready answers 503',
      todo: 'run a bitcoind with FIBRE that was built with USDT tracing',
    })
  const absent = shorten(
    states.filter(({ offered, probe }) => !offered && !required.has(probe)),
    new Set(offered.map(providerOf)),
  )
  if (absent.length > 0) findings.push({ area, level: 'note', what: `${node}: this build does not have ${absent.join(', ')}` })
  const refused = Map.groupBy(
    offered.filter((state) => !state.attached),
    ({ reason }) => reason ?? 'the reason is not known',
  )
  for (const [reason, of] of refused)
    findings.push({
      area,
      level: attached.length > 0 ? 'warning' : 'fault',
      what: `${node}: ${of.map(({ probe }) => probe).join(', ')} cannot be attached`,
      why: reason,
    })
  for (const { probe, missingFields = [] } of attached)
    if (missingFields.length > 0)
      findings.push({ area, level: 'note', what: `${node}: ${probe} does not pass ${missingFields.join(', ')}` })
  return findings
}
