import type { KernelFacts } from './kernel-facts.ts'

const CAP_SYS_MODULE = 16n
export const CAP_SYS_PTRACE = 19n
export const CAP_SYS_ADMIN = 21n
export const CAP_PERFMON = 38n
export const CAP_BPF = 39n

/** Something about this machine or process that keeps it from measuring: what, why that matters, and what to do. */
export interface Hindrance {
  readonly what: string
  readonly why: string
  readonly todo: string
}

/** Tells of it in one sentence. */
export const sentenceOf = ({ what, why, todo }: Hindrance) => `${what} (${why}): ${todo}`

export function lacks({ capabilities }: Pick<KernelFacts, 'capabilities'>, capability: bigint): boolean {
  return capabilities !== undefined && (capabilities & (1n << capability)) === 0n
}

export function missingCapabilities(facts: KernelFacts): Hindrance | undefined {
  const missing = Object.entries({ CAP_BPF, CAP_PERFMON }).flatMap(([name, capability]) => (lacks(facts, capability) ? [name] : []))
  if (missing.length === 0 || !lacks(facts, CAP_SYS_ADMIN)) return undefined
  return {
    what: `missing capabilities: ${missing.join(', ')}`,
    why: 'the kernel lets only processes that have them load eBPF programs',
    todo: 'run as root, or give the process CAP_BPF and CAP_PERFMON; --source log takes none of them and measures less',
  }
}

export function missingKernelOptions(missing: readonly string[]): Hindrance | undefined {
  if (missing.length === 0) return undefined
  return {
    what: `the kernel was built without ${missing.join(', ')}`,
    why: 'tracepoints cannot be attached',
    todo: `use a kernel that has ${missing.length === 1 ? 'it' : 'them'}`,
  }
}

export function userNamespace({ isInUserNamespace }: KernelFacts): Hindrance | undefined {
  if (!isInUserNamespace) return undefined
  return {
    what: 'this process is in a user namespace',
    why: 'its root is none for the kernel, which takes no eBPF program from it',
    todo: 'run outside of it, or in a container that is not rootless',
  }
}

export function lockdown({ lockdown }: KernelFacts): Hindrance | undefined {
  if (lockdown !== 'confidentiality') return undefined
  return {
    what: 'the kernel is locked down (confidentiality)',
    why: 'nobody may read memory with eBPF then',
    todo: 'boot it with lockdown=integrity or none',
  }
}

/** A filter is there; whether it refuses anything is seen when it does. */
export function seccompFilter({ hasSeccompFilter }: KernelFacts): Hindrance | undefined {
  if (!hasSeccompFilter) return undefined
  return {
    what: 'a seccomp filter looks at the system calls of this process',
    why: 'it has to allow bpf and perf_event_open',
    todo: 'SystemCallFilter= in a systemd unit, --security-opt seccomp=PROFILE for a container',
  }
}

/** AppArmor, SELinux and the like, by the label that they give this process. */
export function securityModule({ securityLabel }: KernelFacts): Hindrance | undefined {
  if (securityLabel === undefined) return undefined
  return {
    what: `a security module confines this process as ${securityLabel}`,
    why: 'it may forbid eBPF, perf events, and reading of other processes',
    todo: 'allow these in its policy (--security-opt apparmor=unconfined for a container)',
  }
}

/** Of kernels that have no link to many uprobes. */
export function perfEvents(facts: KernelFacts): Hindrance | undefined {
  if (!lacks(facts, CAP_SYS_ADMIN)) return undefined
  const { release, perfEventParanoid } = facts
  const rule = isParanoid(facts) ? `, and where kernel.perf_event_paranoid is ${perfEventParanoid}` : ''
  return {
    what: `Linux ${release} attaches through perf events, which also take CAP_SYS_ADMIN`,
    why: `since the fix of CVE-2025-38466${rule}`,
    todo: 'give the process CAP_SYS_ADMIN, run as root, or use Linux 6.6 or newer, on which CAP_BPF and CAP_PERFMON are enough',
  }
}

export function isParanoid({ perfEventParanoid }: KernelFacts): boolean {
  return perfEventParanoid !== undefined && perfEventParanoid > 2
}

/** The root of the whole machine, who has more than measuring takes: a container's has no CAP_SYS_MODULE unless it is privileged. */
export function needlessRoot(capabilities: bigint | undefined, isMulti: boolean): Hindrance | undefined {
  if (process.geteuid?.() !== 0 || capabilities === undefined || lacks({ capabilities }, CAP_SYS_MODULE)) return undefined
  return {
    what: 'running as root, with rights that measuring does not take',
    why: isMulti
      ? 'CAP_BPF and CAP_PERFMON are enough here, as the user of bitcoind'
      : 'CAP_BPF, CAP_PERFMON and, for perf events, CAP_SYS_ADMIN are enough here, as the user of bitcoind',
    todo: 'the unit fibre-agent.service starts the agent with no others',
  }
}
