import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { gunzipSync } from 'node:zlib'

/** Facts that tell one refusal of the kernel from another. `undefined` is what could not be read. */
export interface KernelFacts {
  /** As uname says it: 6.1.0-37-amd64. */
  readonly release: string
  /** Capabilities in effect, as a bit mask. Inside a user namespace they count for nothing here. */
  readonly capabilities: bigint | undefined
  /** Whether a seccomp filter looks at this process' system calls. */
  readonly hasSeccompFilter: boolean
  readonly isInUserNamespace: boolean
  /** kernel.perf_event_paranoid; above 2 is a distribution's own rule. */
  readonly perfEventParanoid: number | undefined
  /** none, integrity or confidentiality. */
  readonly lockdown: string | undefined
  /** Label that AppArmor, SELinux or another security module confines this process by. */
  readonly securityLabel: string | undefined
  /** Most files that this process may have open. */
  readonly maxOpenFiles: string | undefined
  /** Options that the agent needs and this kernel was built without. */
  readonly missingOptions: readonly string[]
}

/** Capabilities of this process in effect. */
export function readCapabilities(): bigint | undefined {
  const capabilities = /^CapEff:\s+(\w+)$/m.exec(read('/proc/self/status'))?.[1]
  return capabilities === undefined ? undefined : BigInt(`0x${capabilities}`)
}

/** Read when something was refused, and only then. */
export function readKernelFacts(): KernelFacts {
  const paranoid = read('/proc/sys/kernel/perf_event_paranoid')
  return {
    release: release(),
    capabilities: readCapabilities(),
    hasSeccompFilter: hasSeccompFilter(),
    isInUserNamespace: isPartialMap(read('/proc/self/uid_map')),
    perfEventParanoid: paranoid === '' ? undefined : Number(paranoid),
    lockdown: /\[(\w+)\]/.exec(read('/sys/kernel/security/lockdown'))?.[1],
    securityLabel: labelIn(read('/proc/self/attr/current')),
    maxOpenFiles: /^Max open files\s+(\w+)/m.exec(read('/proc/self/limits'))?.[1],
    missingOptions: missingOptions(readConfig()),
  }
}

/** Whether a system call that is not needed had better not be tried: a filter may end the process for it. */
export function hasSeccompFilter(): boolean {
  return /^Seccomp:\s+2$/m.test(read('/proc/self/status'))
}

/** Which confines nothing: AppArmor's "unconfined", SELinux' unconfined_t. */
function labelIn(attribute: string): string | undefined {
  const label = attribute.replace(/[\0\n]+$/, '')
  return label === '' || /(^|:)unconfined(_t)?(:|$)/.test(label) ? undefined : label
}

/** The first namespace maps all user ids to themselves. */
function isPartialMap(uidMap: string): boolean {
  return uidMap !== '' && !/^\s*0\s+0\s+4294967295\s*$/.test(uidMap)
}

const neededOptions = ['CONFIG_BPF_SYSCALL', 'CONFIG_PERF_EVENTS', 'CONFIG_UPROBES', 'CONFIG_UPROBE_EVENTS', 'CONFIG_BPF_EVENTS'] as const

/** Without the kernel's configuration, what sysfs shows has to do. */
export function missingOptions(config: string | undefined): readonly string[] {
  if (config !== undefined) return neededOptions.filter((option) => !config.includes(`\n${option}=y\n`))
  const isSysfsThere = existsSync('/sys/bus/event_source/devices')
  return isSysfsThere && !existsSync('/sys/bus/event_source/devices/uprobe') ? ['CONFIG_UPROBE_EVENTS'] : []
}

/** The configuration that the running kernel was built with, where the distribution or the kernel itself keeps it. */
function readConfig(): string | undefined {
  const plain = [`/boot/config-${release()}`, `/lib/modules/${release()}/config`].map(read).find((text) => text !== '')
  if (plain !== undefined) return `\n${plain}`
  try {
    return `\n${gunzipSync(readFileSync('/proc/config.gz'))}`
  } catch {
    return undefined
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
