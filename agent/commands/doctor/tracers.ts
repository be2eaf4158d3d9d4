import type { Target } from '../../bitcoind/names/roster.ts'
import { programOf } from '../../bitcoind/proc/program-name.ts'
import { findTracers } from '../../sources/ebpf/tracers/tracers.ts'
import type { Uprobe } from '../../sources/ebpf/tracers/uprobes.ts'
import { type Finding, listed } from './finding.ts'

const area = 'nodes'
const why =
  'each tracer takes time of bitcoind at each hit, and one that does not have the kernel count it, such as a BCC script, keeps this agent off'

/** Judges who else listens to the tracepoints of a node, and whether that is the agent that runs. To be called while this process does not. */
export function judgeTracers(
  target: Pick<Target, 'node' | 'pid' | 'identity' | 'executable'>,
  uprobes: readonly Uprobe[],
  agentPid?: number,
): readonly Finding[] {
  try {
    const { known, unknown } = findTracers(target, uprobes)
    const agent = agentPid === undefined ? undefined : programOf(agentPid)
    const findings = [...known].map(([listener, probes]): Finding => {
      const what = `${target.node}: ${listener} listens to ${listed(probes)}`
      if (listener === agent) return { area, level: 'ok', what: `${what}: it is the agent of these settings that runs` }
      return { area, level: 'note', what, why, todo: 'stop it, unless it is meant to run beside this agent' }
    })
    if (unknown.length === 0) return findings
    const what = `${target.node}: a program that cannot be seen from here listens to ${listed(unknown)}`
    return [
      ...findings,
      { area, level: 'note', what, why, todo: 'as root, this command names most of them; a debugger such as GDB leaves no other trace' },
    ]
  } catch {
    return [] // what keeps the executable from being read is told where it is attached
  }
}
