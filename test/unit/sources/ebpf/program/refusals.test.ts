import { constants } from 'node:os'
import { describe, expect, it } from 'vitest'
import { type KernelFacts, missingOptions, readKernelFacts } from '../../../../../agent/sources/ebpf/program/kernel-facts.ts'
import { explainAttach, explainLoad } from '../../../../../agent/sources/ebpf/program/refusals.ts'

const { EPERM, EACCES, ENOENT, ENOSYS, EINVAL, ENOMEM, EMFILE, ENFILE, EOPNOTSUPP } = constants.errno

const all = (1n << 41n) - 1n
const bpfAndPerfmon = (1n << 38n) | (1n << 39n)

/** Root on a kernel of today. */
const root: KernelFacts = {
  release: '6.12.43+deb13-amd64',
  capabilities: all,
  hasSeccompFilter: false,
  isInUserNamespace: false,
  perfEventParanoid: 2,
  lockdown: 'none',
  securityLabel: undefined,
  maxOpenFiles: '1024',
  missingOptions: [],
}
const nobody = { capabilities: 0n }

describe('why the kernel program could not be loaded', () => {
  const load = (errno: number | undefined, facts: Partial<KernelFacts> = {}) => explainLoad(errno, { ...root, ...facts }, 8 << 20)

  it.each<[who: string, errno: number, facts: Partial<KernelFacts>, expected: RegExp]>([
    [
      'a user without privileges',
      EPERM,
      nobody,
      /: missing capabilities: CAP_BPF, CAP_PERFMON .*: run as root, or give the process CAP_BPF and CAP_PERFMON; --source log takes none of them and measures less$/,
    ],
    ['one of the two capabilities', EPERM, { capabilities: 1n << 39n }, /: missing capabilities: CAP_PERFMON \(/],
    ['root of a user namespace', EPERM, { isInUserNamespace: true }, /: this process is in a user namespace .*: run outside of it/],
    [
      'a filter that says EPERM',
      EPERM,
      { hasSeccompFilter: true },
      /: a seccomp filter .* has to allow bpf and perf_event_open\): SystemCallFilter=/,
    ],
    ['a filter that says ENOSYS', ENOSYS, { hasSeccompFilter: true }, /: a seccomp filter/],
    ['a container with its filter and no capability', EPERM, { ...nobody, hasSeccompFilter: true }, /: missing capabilities: /],
    ['a locked-down kernel', EPERM, { lockdown: 'confidentiality' }, /: the kernel is locked down .* lockdown=integrity/],
    [
      'a profile of AppArmor',
      EPERM,
      { securityLabel: 'docker-default (enforce)' },
      /: a security module confines this process as docker-default/,
    ],
    ['no reason that can be seen', EPERM, { capabilities: bpfAndPerfmon }, /^the kernel refuses .* SELinux or AppArmor/],
    ['a kernel without bpf(2)', ENOSYS, {}, /^the kernel was built without CONFIG_BPF_SYSCALL .*: use a kernel that has it$/],
    [
      'options that are not there, whoever asks',
      EPERM,
      { ...nobody, missingOptions: ['CONFIG_UPROBES', 'CONFIG_UPROBE_EVENTS'] },
      /was built without CONFIG_UPROBES, CONFIG_UPROBE_EVENTS .*: use a kernel that has them$/,
    ],
    ['too old a kernel', EINVAL, { release: '5.10.0-28-amd64' }, /^Linux 5\.10\.0-28-amd64 is too old: 5\.15 or newer is needed$/],
    [
      'too old a kernel, without privileges',
      EPERM,
      { ...nobody, release: '4.19.0' },
      /: missing capabilities: .*; Linux 4\.19\.0 may also be too old/,
    ],
    ['memory', ENOMEM, {}, /^no memory for a ring buffer of 8 MiB: choose a smaller --ring-size, or raise the memory limit/],
    ['descriptors', EMFILE, { release: '5.10.0' }, /^too many open files: this process may have 1024; raise the limit \(LimitNOFILE=/],
    ["the machine's descriptors", ENFILE, {}, /^too many open files on this machine: raise fs\.file-max$/],
    ['the verifier or SELinux', EACCES, {}, /^Linux 6\.12\.43\+deb13-amd64 does not take the eBPF program, or .* SELinux forbids it$/],
    ['what nobody knows', EINVAL, {}, /^Linux 6\.12\.43\+deb13-amd64 does not take the eBPF program$/],
  ])('%s', (_, errno, facts, expected) => {
    expect(load(errno, facts)).toMatch(expected)
  })

  it.each(['5.15.0-91-generic', '6.1.0', '10.0'])('Linux %s is not called too old', (release) => {
    expect(load(EINVAL, { release })).not.toContain('too old')
    expect(load(undefined, { release })).not.toContain('too old')
  })
})

describe('why a loaded program could not be attached', () => {
  const attach = (errno: number, isMulti: boolean, facts: Partial<KernelFacts> = {}) => explainAttach(errno, { ...root, ...facts }, isMulti)

  it.each([EACCES, EPERM])('perf events take CAP_SYS_ADMIN as well', (errno) => {
    const facts = { release: '6.1.0-37-amd64', capabilities: bpfAndPerfmon }
    const reason = attach(errno, false, facts)
    expect(reason).toMatch(
      /^Linux 6\.1\.0-37-amd64 attaches through perf events, which also take CAP_SYS_ADMIN \(since the fix of CVE-2025-38466\): give the process CAP_SYS_ADMIN/,
    )
    expect(attach(errno, false, { ...facts, perfEventParanoid: 3 })).toContain('kernel.perf_event_paranoid is 3')
    expect(attach(errno, true, facts)).not.toContain('CAP_SYS_ADMIN')
  })

  it('to root it is something else', () => {
    expect(attach(EACCES, false)).toMatch(/SELinux or AppArmor/)
    expect(attach(EPERM, false, { hasSeccompFilter: true })).toMatch(/: a seccomp filter/)
    expect(attach(ENOSYS, false, { hasSeccompFilter: true })).toMatch(/: a seccomp filter/)
    expect(attach(EPERM, false, { isInUserNamespace: true })).toMatch(/user namespace/)
  })

  it.each([ENOENT, EOPNOTSUPP])('a kernel without uprobes is named', (errno) => {
    expect(attach(errno, false, { missingOptions: ['CONFIG_UPROBE_EVENTS'] })).toContain('was built without CONFIG_UPROBE_EVENTS')
    expect(attach(errno, false)).toBeUndefined()
  })

  it('memory and descriptors are', () => {
    expect(attach(ENOMEM, true)).toMatch(/^the kernel has no memory/)
    expect(attach(EMFILE, true)).toMatch(/^too many open files: this process may have 1024/)
  })

  it('nothing is made up', () => {
    expect(attach(EINVAL, true)).toBeUndefined()
  })
})

describe('what the kernel was built without', () => {
  const complete = '\nCONFIG_BPF_SYSCALL=y\nCONFIG_PERF_EVENTS=y\nCONFIG_UPROBES=y\nCONFIG_UPROBE_EVENTS=y\nCONFIG_BPF_EVENTS=y\n'

  it('is read from its configuration', () => {
    expect(missingOptions(complete)).toEqual([])
    expect(missingOptions(complete.replace('CONFIG_UPROBES=y', '# CONFIG_UPROBES is not set'))).toEqual(['CONFIG_UPROBES'])
    expect(missingOptions('\n')).toHaveLength(5)
  })

  it('is nothing on the machine that runs this', () => {
    expect(readKernelFacts()).toMatchObject({ missingOptions: [], release: expect.stringMatching(/^\d+\.\d+/) })
  })
})
