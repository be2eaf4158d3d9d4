export type Arch = 'x64' | 'arm64'

/** A Debian machine: which kernel it boots, and how. */
export interface Machine {
  readonly name: string
  readonly arch: Arch
  readonly suite: 'bookworm' | 'trixie' | 'trixie-backports'
  /** Of kernels that leave it to their command line. */
  readonly preemption?: 'full' | 'lazy'
}

/** trixie-backports has the newest kernel that Debian offers for a release; each suite is taken as it is today. */
export const machines: readonly Machine[] = [
  { name: 'debian-12', arch: 'x64', suite: 'bookworm' },
  { name: 'debian-13', arch: 'x64', suite: 'trixie' },
  { name: 'newest-full', arch: 'x64', suite: 'trixie-backports', preemption: 'full' },
  { name: 'newest-lazy', arch: 'x64', suite: 'trixie-backports', preemption: 'lazy' },
  { name: 'debian-12-arm64', arch: 'arm64', suite: 'bookworm' },
  { name: 'debian-13-arm64', arch: 'arm64', suite: 'trixie' },
  { name: 'newest-arm64', arch: 'arm64', suite: 'trixie-backports' },
]

/** Those that get the package, on a Debian of their own with systemd. */
export const installed: readonly Machine[] = [
  { name: 'debian-12-package', arch: 'x64', suite: 'bookworm' },
  { name: 'debian-13-package', arch: 'x64', suite: 'trixie' },
]

/** Those of a list that MACHINES names; without it, all. */
export function chosenOf(list: readonly Machine[]): readonly Machine[] {
  const names = process.env.MACHINES?.split(/[ ,]+/).filter(Boolean)
  if (names === undefined) return list
  const known = [...machines, ...installed].map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`MACHINES: there is no ${unknown}, but ${known.join(', ')}`)
  return list.filter(({ name }) => names.includes(name))
}

/** Debian's names of the processors. */
export const debianArch = { x64: 'amd64', arm64: 'arm64' } as const satisfies Record<Arch, string>
/** The compiler's. */
export const targetTriple = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' } as const satisfies Record<Arch, string>
