import { constants } from 'node:os'
import {
  lockdown,
  missingCapabilities,
  missingKernelOptions,
  perfEvents,
  seccompFilter,
  securityModule,
  sentenceOf,
  userNamespace,
} from './hindrances.ts'
import type { KernelFacts } from './kernel-facts.ts'

const { EPERM, EACCES, ENOENT, ENOSYS, ENOMEM, ENODEV, EMFILE, ENFILE, EOPNOTSUPP } = constants.errno

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
  const ofPerfEvents = isForbidden && !isMulti && !facts.isInUserNamespace ? perfEvents(facts) : undefined
  if (ofPerfEvents) return sentenceOf(ofPerfEvents)
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
function explainLack(errno: number | undefined, { missingOptions, hasSeccompFilter }: KernelFacts): string | undefined {
  const isWithoutBpf = missingOptions.length === 0 && errno === ENOSYS && !hasSeccompFilter
  const lack = missingKernelOptions(isWithoutBpf ? ['CONFIG_BPF_SYSCALL'] : missingOptions)
  return lack && sentenceOf(lack)
}

/** Who says no: the first of these that applies is what the others depend on. */
function explainRefusal(errno: number | undefined, facts: KernelFacts): string | undefined {
  if (errno !== EPERM && errno !== EACCES && errno !== ENOSYS) return undefined
  const capabilities = errno === ENOSYS ? undefined : missingCapabilities(facts)
  const reason = userNamespace(facts) ?? capabilities ?? seccompFilter(facts) ?? lockdown(facts) ?? securityModule(facts)
  if (reason) return `the kernel refuses eBPF: ${sentenceOf(reason)}`
  return 'the kernel refuses eBPF although this process has the privileges: a security module such as SELinux or AppArmor may forbid it'
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
