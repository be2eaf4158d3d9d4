import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'dist/packages')
const { version } = manifest

/** Files that `npm run package` makes, by what they are. */
export const files = {
  deb: (arch: string) => join(folder, `fibre-agent_${version}_${arch}.deb`),
  tarball: (arch: string) => join(folder, `fibre-agent-${version}-linux-${arch}.tar.xz`),
  npm: join(folder, `fibre-agent-${version}.tgz`),
  bill: join(folder, `fibre-agent_${version}.cdx.json`),
  sums: join(folder, 'SHA256SUMS'),
} as const

/** Makes packages, as its users do. */
export function makePackages(...args: readonly string[]): void {
  execFileSync('npm', ['run', '--silent', 'package', '--', ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
}

/** Output of a command; throws with what it has printed where it fails. */
export function output(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 })
}

/** Packs the package again as an older version, 0.0.9, in a folder. */
export function olderDeb(folder: string): string {
  const tree = join(folder, 'tree')
  const path = join(folder, 'older.deb')
  output('dpkg-deb', '--raw-extract', files.deb('amd64'), tree)
  output('sed', '-i', 's/^Version: .*/Version: 0.0.9/', join(tree, 'DEBIAN/control'))
  output('dpkg-deb', '--root-owner-group', '-Zxz', '-z1', '--build', tree, path)
  return path
}
