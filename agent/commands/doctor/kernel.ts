import {
  CAP_BPF,
  CAP_PERFMON,
  CAP_SYS_ADMIN,
  CAP_SYS_PTRACE,
  type Hindrance,
  isParanoid,
  lacks,
  lockdown,
  missingCapabilities,
  missingKernelOptions,
  perfEvents,
  seccompFilter,
  securityModule,
  userNamespace,
} from '../../sources/ebpf/program/hindrances.ts'
import type { KernelFacts } from '../../sources/ebpf/program/kernel-facts.ts'
import type { Form } from '../../sources/ebpf/program/program.ts'
import type { Finding } from './finding.ts'

const area = 'kernel'

/** Facts that keep nobody from measuring by themselves: whether the program loads is tried. */
export interface Sysctls {
  /** kernel.unprivileged_bpf_disabled; `undefined` where it cannot be read. */
  readonly unprivilegedBpfDisabled: number | undefined
  /** net.core.bpf_jit_enable; root alone may read it. */
  readonly bpfJit: number | undefined
}

/** Judges what this kernel lets this process do. `form` is the one in which the program was loaded; `undefined` if it was not. */
export function judgeKernel(facts: KernelFacts, sysctls: Sysctls, form: Form | undefined): readonly Finding[] {
  return [
    judgeForm(facts, form),
    judge('fault', missingKernelOptions(facts.missingOptions)),
    judgeCapabilities(facts),
    judgeParanoid(facts, form),
    ...judgeGuards(facts),
    ...judgeSysctls(sysctls),
  ].flat()
}

/** Nothing where there is no hindrance. */
const judge = (level: Finding['level'], hindrance: Hindrance | undefined): readonly Finding[] =>
  hindrance ? [{ area, level, ...hindrance }] : []

function judgeForm(facts: KernelFacts, form: Form | undefined): readonly Finding[] {
  const { release } = facts
  if (form === undefined) return [{ area, level: 'note', what: `Linux ${release}` }]
  const abilities = `ring buffer, ${form.multi ? 'one link for many uprobes' : 'uprobes by perf events'}, ${form.sleepable ? 'sleepable' : 'not sleepable'}`
  const what = `Linux ${release} takes the program: ${abilities}`
  const why = 'arguments that lie in memory which is not resident cannot be read, and are counted as missing fields'
  const taken: Finding = form.sleepable
    ? { area, level: 'ok', what }
    : { area, level: 'note', what, why, todo: 'use Linux 6.6 or newer, if that is possible' }
  return [taken, ...(form.multi ? [] : judge('note', perfEvents(facts)))]
}

function judgeCapabilities(facts: KernelFacts): readonly Finding[] {
  if (facts.capabilities === undefined) return [{ area, level: 'note', what: 'the capabilities of this process could not be read' }]
  const missing = missingCapabilities(facts)
  if (missing) return judge('fault', missing)
  const known = Object.entries({ CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_SYS_ADMIN })
  const held = known.flatMap(([name, capability]) => (lacks(facts, capability) ? [] : [name]))
  return [{ area, level: 'ok', what: `capabilities: ${held.join(', ')}` }]
}

function judgeParanoid(facts: KernelFacts, form: Form | undefined): readonly Finding[] {
  if (facts.perfEventParanoid === undefined) return [{ area, level: 'note', what: 'kernel.perf_event_paranoid could not be read' }]
  const what = `kernel.perf_event_paranoid is ${facts.perfEventParanoid}`
  if (!isParanoid(facts) || form?.multi || !lacks(facts, CAP_SYS_ADMIN)) return [{ area, level: 'ok', what }]
  const why = 'above 2, a distribution may keep perf events, through which this kernel attaches, for CAP_SYS_ADMIN'
  return [{ area, level: 'warning', what, why, todo: 'sysctl kernel.perf_event_paranoid=2, or give the process CAP_SYS_ADMIN' }]
}

function judgeGuards(facts: KernelFacts): readonly Finding[] {
  const ok = (what: string): readonly Finding[] => [{ area, level: 'ok', what }]
  const [lock, filter] = [lockdown(facts), seccompFilter(facts)]
  return [
    lock ? judge('fault', lock) : ok(`lockdown: ${facts.lockdown ?? 'not shown by this kernel'}`),
    judge('fault', userNamespace(facts)),
    filter ? judge('note', filter) : ok('no seccomp filter'),
    judge('note', securityModule(facts)),
  ].flat()
}

function judgeSysctls({ unprivilegedBpfDisabled, bpfJit }: Sysctls): readonly Finding[] {
  const unread = 'could not be read'
  const jit: Finding =
    bpfJit === 0
      ? {
          area,
          level: 'warning',
          what: 'net.core.bpf_jit_enable is 0',
          why: 'eBPF is interpreted, and each tracepoint takes more time of bitcoind',
          todo: 'sysctl net.core.bpf_jit_enable=1',
        }
      : {
          area,
          level: bpfJit === undefined ? 'note' : 'ok',
          what: `net.core.bpf_jit_enable ${bpfJit === undefined ? unread : `is ${bpfJit}`}`,
        }
  const level = unprivilegedBpfDisabled === undefined ? 'note' : 'ok'
  return [{ area, level, what: `kernel.unprivileged_bpf_disabled ${level === 'note' ? unread : `is ${unprivilegedBpfDisabled}`}` }, jit]
}
