import type { KernelFacts } from '../../sources/ebpf/program/kernel-facts.ts'
import type { Form } from '../../sources/ebpf/program/program.ts'
import { CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYS_PTRACE, isParanoid, lacks } from '../../sources/ebpf/program/refusals.ts'
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
    judgeOptions(facts),
    judgeCapabilities(facts),
    judgeParanoid(facts, form),
    ...judgeGuards(facts),
    ...judgeSysctls(sysctls),
  ].flat()
}

function judgeForm({ release }: KernelFacts, form: Form | undefined): readonly Finding[] {
  if (form === undefined) return [{ area, level: 'note', what: `Linux ${release}` }]
  const abilities = `ring buffer, ${form.multi ? 'one link for many uprobes' : 'uprobes by perf events'}, ${form.sleepable ? 'sleepable' : 'not sleepable'}`
  const what = `Linux ${release} takes the program: ${abilities}`
  if (form.multi && form.sleepable) return [{ area, level: 'ok', what }]
  const why = form.sleepable
    ? 'each place takes a perf event of its own, and those take CAP_SYS_ADMIN on kernels that have the fix of CVE-2025-38466'
    : 'arguments that lie in memory which is not resident cannot be read, and are counted as missing fields'
  return [{ area, level: 'note', what, why, todo: 'use Linux 6.6 or newer, if that is possible' }]
}

function judgeOptions({ missingOptions }: KernelFacts): readonly Finding[] {
  if (missingOptions.length === 0) return []
  const what = `the kernel was built without ${missingOptions.join(', ')}`
  return [{ area, level: 'fault', what, why: 'tracepoints cannot be attached', todo: 'use a kernel that has what is missing' }]
}

const needed = { CAP_BPF, CAP_PERFMON } as const
const further = { CAP_SYS_PTRACE, CAP_SYS_ADMIN } as const

function judgeCapabilities(facts: KernelFacts): readonly Finding[] {
  if (facts.capabilities === undefined) return [{ area, level: 'note', what: 'the capabilities of this process could not be read' }]
  const missing = namesOf(needed, (capability) => lacks(facts, capability))
  if (missing.length > 0 && lacks(facts, CAP_SYS_ADMIN))
    return [
      {
        area,
        level: 'fault',
        what: `missing capabilities: ${missing.join(', ')}`,
        why: 'the kernel lets only processes that have them load eBPF programs',
        todo: 'run as root, or give the process CAP_BPF and CAP_PERFMON',
      },
    ]
  const held = namesOf({ ...needed, ...further }, (capability) => !lacks(facts, capability))
  return [{ area, level: 'ok', what: `capabilities: ${held.join(', ')}` }]
}

function namesOf(capabilities: Readonly<Record<string, bigint>>, isMeant: (capability: bigint) => boolean): readonly string[] {
  return Object.entries(capabilities).flatMap(([name, capability]) => (isMeant(capability) ? [name] : []))
}

function judgeParanoid(facts: KernelFacts, form: Form | undefined): readonly Finding[] {
  if (facts.perfEventParanoid === undefined) return [{ area, level: 'note', what: 'kernel.perf_event_paranoid could not be read' }]
  const what = `kernel.perf_event_paranoid is ${facts.perfEventParanoid}`
  if (!isParanoid(facts) || form?.multi || !lacks(facts, CAP_SYS_ADMIN)) return [{ area, level: 'ok', what }]
  const why = 'above 2, a distribution may keep perf events, through which this kernel attaches, for CAP_SYS_ADMIN'
  return [{ area, level: 'warning', what, why, todo: 'sysctl kernel.perf_event_paranoid=2, or give the process CAP_SYS_ADMIN' }]
}

function judgeGuards({ lockdown, hasSeccompFilter, isInUserNamespace }: KernelFacts): readonly Finding[] {
  const findings: Finding[] = []
  if (lockdown === 'confidentiality')
    findings.push({
      area,
      level: 'fault',
      what: 'the kernel is locked down (confidentiality)',
      why: 'nobody may read memory with eBPF then',
      todo: 'boot it with lockdown=integrity or none',
    })
  else findings.push({ area, level: 'ok', what: `lockdown: ${lockdown ?? 'not shown by this kernel'}` })
  if (isInUserNamespace)
    findings.push({
      area,
      level: 'fault',
      what: 'this process is in a user namespace',
      why: 'its root is none for the kernel, which takes no eBPF program from it',
      todo: 'run outside of it, or in a container that is not rootless',
    })
  findings.push(
    hasSeccompFilter
      ? {
          area,
          level: 'note',
          what: 'a seccomp filter looks at the system calls of this process',
          why: 'it has to allow bpf and perf_event_open',
        }
      : { area, level: 'ok', what: 'no seccomp filter' },
  )
  return findings
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
