import { constants } from 'node:os'
import type { KernelFacts } from './kernel-facts.ts'

const { EPERM, EACCES, ENOENT, ENOSYS, ENOMEM, ENODEV, EMFILE, ENFILE, EOPNOTSUPP } = constants.errno

export const CAP_SYS_PTRACE = 19n
export const CAP_SYS_ADMIN = 21n
export const CAP_PERFMON = 38n
export const CAP_BPF = 39n

/** Oldest kernel on which the program runs: bpf_get_attach_cookie came with it. */
const OLDEST = [5, 15] as const

/** Errors that meet every form of the program alike. The verifier has no other word than EACCES for one that it does not understand. */
export const loadErrors: ReadonlySet<number> = new Set([EPERM, ENOSYS, ENOMEM, EMFILE, ENFILE])
/** Errors that meet every place alike, so that trying places one by one is of no use. */
export const attachErrors: ReadonlySet<number> = new Set([...loadErrors, EACCES])

/** Says why the kernel program could not be loaded and what to do; `errno` is `undefined` where libbpf gave none. */
export function explainLoad(errno: number | undefined, facts: KernelFacts, ringSize: number): string {
  const limit = explainLimit(errno, facts)
  if (limit) return limit
  if (errno === ENOMEM)
    return `no memory for a ring buffer of ${formatBytes(ringSize)}: choose a smaller --ring-size, or raise the memory limit of this service or container`
  const lack = explainLack(errno, facts)
  if (lack) return lack
  const refusal = errno === EACCES ? undefined : explainRefusal(errno, facts)
  if (refusal) return isTooOld(facts) ? `${refusal}; ${tooOld(facts, 'may also be')}` : refusal
  if (isTooOld(facts)) return tooOld(facts, 'is')
  // The verifier's answer to a program that it does not understand, and SELinux's to any.
  if (errno === EACCES) return `Linux ${facts.release} does not take the eBPF program, or a security module such as SELinux forbids it`
  return `Linux ${facts.release} does not take the eBPF program`
}

/** Says why the kernel refused to attach the loaded program and what to do; `undefined` where the error says all that is known. */
export function explainAttach(errno: number, facts: KernelFacts, isMulti: boolean): string | undefined {
  const limit = explainLimit(errno, facts)
  if (limit) return limit
  if (errno === ENOMEM) return 'the kernel has no memory for it: raise the memory limit of this service or container'
  const isForbidden = errno === EPERM || errno === EACCES
  if (isForbidden && !isMulti && !facts.isInUserNamespace && lacks(facts, CAP_SYS_ADMIN))
    return (
      `Linux ${facts.release} attaches through perf events, which also take CAP_SYS_ADMIN since the fix of CVE-2025-38466` +
      `${isParanoid(facts) ? ` and where kernel.perf_event_paranoid is ${facts.perfEventParanoid}` : ''}` +
      ': run as root, give the process CAP_SYS_ADMIN, or use a kernel since 6.6, on which CAP_BPF and CAP_PERFMON are enough'
    )
  const isMissing = errno === ENOENT || errno === ENODEV || errno === EOPNOTSUPP
  return explainLack(isMissing ? ENOENT : errno, facts) ?? explainRefusal(errno, facts)
}

/** Tells of too many open files, of the process or the machine. */
function explainLimit(errno: number | undefined, { maxOpenFiles }: KernelFacts): string | undefined {
  if (errno === EMFILE)
    return `too many open files: this process may have ${maxOpenFiles ?? 'no more'}; raise the limit (LimitNOFILE= in a systemd unit, ulimit -n in a shell)`
  if (errno === ENFILE) return 'too many open files on this machine: raise fs.file-max'
  return undefined
}

/** Names the options that this kernel was built without. */
function explainLack(errno: number | undefined, { release, missingOptions, hasSeccompFilter }: KernelFacts): string | undefined {
  const missing = missingOptions.length > 0 ? missingOptions : errno === ENOSYS && !hasSeccompFilter ? ['CONFIG_BPF_SYSCALL'] : []
  if (missing.length === 0) return undefined
  return `Linux ${release} was built without ${missing.join(', ')}: use a kernel that has ${missing.length === 1 ? 'it' : 'them'}`
}

/** Who says no: the first of these that applies is what the others depend on. */
function explainRefusal(errno: number | undefined, facts: KernelFacts): string | undefined {
  if (errno !== EPERM && errno !== EACCES && errno !== ENOSYS) return undefined
  const { isInUserNamespace, hasSeccompFilter, lockdown } = facts
  if (isInUserNamespace)
    return 'no eBPF from inside a user namespace, whose root is none for the kernel: run outside of it, or in a container that is not rootless'
  const isPrivileged = !lacks(facts, CAP_SYS_ADMIN) || !(lacks(facts, CAP_BPF) || lacks(facts, CAP_PERFMON))
  if (!isPrivileged && errno !== ENOSYS)
    return 'no privilege to load eBPF programs: run as root, or give the process CAP_BPF and CAP_PERFMON'
  if (hasSeccompFilter)
    return (
      'a seccomp filter refuses eBPF to this process: allow it the system calls bpf and perf_event_open ' +
      '(SystemCallFilter= in a systemd unit, --security-opt seccomp=PROFILE for a container)'
    )
  if (lockdown === 'confidentiality')
    return 'the kernel is locked down (confidentiality) and lets nobody read memory with eBPF: boot it with lockdown=integrity or none'
  return 'the kernel refuses eBPF to this process although it has the privileges: a security module such as SELinux or AppArmor may forbid it'
}

export function lacks({ capabilities }: KernelFacts, capability: bigint): boolean {
  return capabilities !== undefined && (capabilities & (1n << capability)) === 0n
}

export function isParanoid({ perfEventParanoid }: KernelFacts): boolean {
  return perfEventParanoid !== undefined && perfEventParanoid > 2
}

/** Only ever a hint beside another reason: distributions bring newer eBPF to older kernels. */
function isTooOld({ release }: KernelFacts): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10))
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])
}

function tooOld({ release }: KernelFacts, verb: string): string {
  return `Linux ${release} ${verb} too old: ${OLDEST.join('.')} or newer is needed`
}

function formatBytes(bytes: number): string {
  return bytes >= 1 << 20 ? `${Math.ceil(bytes / (1 << 20))} MiB` : `${Math.ceil(bytes / (1 << 10))} KiB`
}
