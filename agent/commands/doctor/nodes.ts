import type { Target } from '../../bitcoind/names/roster.ts'
import { nameOfUser } from '../../bitcoind/proc/users.ts'
import { readProbes } from '../../sources/ebpf/binary/executable.ts'
import { readUprobes } from '../../sources/ebpf/tracers/uprobes.ts'
import type { EventSource, ProbeState } from '../../sources/source.ts'
import { isFibreBuild, requiredOf, tracepoints } from '../../tracepoints/index.ts'
import type { Finding } from './finding.ts'
import { judgeTracers } from './tracers.ts'

const area = 'nodes'
const lost = 'this node is not measured'

/** Looks at the tracepoints of each process, and attaches to them for a moment. Without a source, nothing is attached. */
export async function tryNodes(
  targets: readonly Target[],
  source: EventSource | undefined,
  runningAgent: () => Promise<number | undefined>,
): Promise<readonly Finding[]> {
  const uprobes = targets.length === 0 ? [] : readUprobes()
  const agentPid = uprobes.length === 0 ? undefined : await runningAgent()
  const findings: Finding[] = []
  for (const target of targets) {
    const { node, pid, executable, uid, dataDirectory } = target
    findings.push({ area, level: 'ok', what: `pid ${pid} is node ${node}: ${executable} of ${nameOfUser(uid)}, data in ${dataDirectory}` })
    findings.push(...judgeTracers(target, uprobes, agentPid))
    try {
      findings.push(
        ...(source === undefined ? judgeOffer(node, offeredBy(pid), readProbes(`/proc/${pid}/exe`)) : await attach(target, source)),
      )
    } catch (error) {
      findings.push({ area, level: 'fault', what: `${node}: ${(error as Error).message}`, why: lost })
    }
  }
  return findings
}

const providerOf = ({ probe }: ProbeState) => probe.split(':', 1)[0] ?? ''

/** Names absent tracepoints; those of a provider of which the binary has none, as one. */
function shorten(absent: readonly ProbeState[], offered: ReadonlySet<string>): readonly string[] {
  return [...new Set(absent.map((state) => (offered.has(providerOf(state)) ? state.probe : `${providerOf(state)}:*`)))]
}

async function attach({ node, pid, executable }: Target, source: EventSource): Promise<readonly Finding[]> {
  const attachment = source.attach({ node, pid, executable })
  const states = attachment.probes
  await attachment.close()
  return judgeProbes(node, states, readProbes(`/proc/${pid}/exe`))
}

function offeredBy(pid: number): readonly ProbeState[] {
  const offered = readProbes(`/proc/${pid}/exe`)
  return tracepoints.map(({ probe }) => ({ probe, offered: offered.has(probe), attached: false }))
}

/** No release of Bitcoin Core has these: nothing is wrong with a node that lacks them. */
const proposed: ReadonlySet<string> = new Set(tracepoints.filter(({ proposedIn }) => proposedIn !== undefined).map(({ probe }) => probe))

/** Judges which tracepoints a node's binary has, of those that are to be measured and of all. */
function judgeOffer(node: string, all: readonly ProbeState[], binary: ReadonlySet<string>): readonly Finding[] {
  const states = all.filter(({ probe, offered }) => offered || !proposed.has(probe))
  const todo = 'run a bitcoind that was built with USDT tracing'
  const probesOf = (isMeant: (state: ProbeState) => boolean) => states.filter(isMeant).map(({ probe }) => probe)
  const offered = probesOf((state) => state.offered)
  const used = tracepoints.filter(({ probe }) => binary.has(probe)).length
  const fault = { area, level: 'fault', why: 'there is nothing to measure' } as const
  if (used === 0) return [{ ...fault, what: `${node}: its binary has none of the tracepoints`, todo }]
  if (offered.length === 0)
    return [
      {
        ...fault,
        what: `${node}: its binary has none of the tracepoints that --tracepoints names`,
        todo: 'name others with --tracepoints, or leave it out',
      },
    ]
  const named = offered.length < used ? `, and --tracepoints names ${offered.length} of them` : ''
  const findings: Finding[] = [
    { area, level: 'ok', what: `${node}: its binary has ${binary.size} tracepoints, of which the agent uses ${used}${named}` },
  ]
  const required = requiredOf(new Set(offered))
  if (!isFibreBuild(new Set(offered))) findings.push({ area, level: 'note', what: `${node}: measured as a stock node, without FIBRE` })
  const missing = probesOf((state) => !state.offered && required.has(state.probe))
  if (missing.length > 0) {
    const what = `${node}: its binary lacks ${missing.join(', ')}`
    findings.push({ area, level: 'warning', what, why: 'what they tell is not measured, and /ready answers 503', todo })
  }
  const absent = shorten(
    states.filter(({ offered, probe }) => !offered && !required.has(probe)),
    new Set(states.filter(({ offered }) => offered).map(providerOf)),
  )
  if (absent.length > 0) findings.push({ area, level: 'note', what: `${node}: this build does not have ${absent.join(', ')}` })
  return findings
}

/** Judges what came of attaching to a node. */
export function judgeProbes(node: string, states: readonly ProbeState[], binary: ReadonlySet<string>): readonly Finding[] {
  const attached = states.filter((state) => state.attached)
  const offered = states.filter((state) => state.offered)
  const findings = [...judgeOffer(node, states, binary)]
  if (attached.length > 0)
    findings.push({ area, level: 'ok', what: `${node}: ${attached.length} of ${offered.length} tracepoints can be attached` })
  const refused = Map.groupBy(
    offered.filter((state) => !state.attached),
    ({ reason }) => reason ?? 'the reason is not known',
  )
  for (const [reason, of] of refused) {
    const what = `${node}: ${of.map(({ probe }) => probe).join(', ')} cannot be attached`
    findings.push({ area, level: attached.length > 0 ? 'warning' : 'fault', what, why: reason })
  }
  for (const { probe, missingFields = [] } of attached)
    if (missingFields.length > 0)
      findings.push({ area, level: 'note', what: `${node}: ${probe} does not pass ${missingFields.join(', ')}` })
  return findings
}
