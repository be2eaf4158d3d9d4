import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { homepage } from '../../homepage.ts'
import type { Architecture, Release } from '../tree.ts'

const DOCUMENTS = 'usr/share/doc/fibre-agent'
const scripts = ['postinst', 'prerm', 'postrm'] as const

/** Writes a tree as a Debian package. Adds to the tree what only that has. */
export function writeDeb(tree: string, arch: Architecture, release: Release, path: string): void {
  const files: Readonly<Record<string, string | Buffer>> = {
    [`${DOCUMENTS}/copyright`]: read('copyright'),
    [`${DOCUMENTS}/changelog.gz`]: gzipSync(changelog(release), { level: 9 }),
    'usr/share/lintian/overrides/fibre-agent': read('lintian-overrides'),
  }
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(tree, name, '..'), { recursive: true })
    writeFileSync(join(tree, name), content)
  }
  const control = join(tree, 'DEBIAN')
  const size = Math.ceil(sizeOf(tree) / 1024)
  mkdirSync(control)
  writeFileSync(join(control, 'control'), controlOf(arch, release, size, homepage))
  writeFileSync(join(control, 'conffiles'), '/etc/fibre-agent/config.yaml\n')
  for (const name of scripts) {
    cpSync(join(import.meta.dirname, name), join(control, name))
    chmodSync(join(control, name), 0o755)
  }
  // dpkg-deb cuts times to SOURCE_DATE_EPOCH only where they are later.
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true }))
    if (!entry.isSymbolicLink()) utimesSync(join(entry.parentPath, entry.name), release.epoch, release.epoch)
  utimesSync(tree, release.epoch, release.epoch)
  const flags = ['--root-owner-group', '--threads-max=1', '-Zxz', '-z1']
  execFileSync('env', [`SOURCE_DATE_EPOCH=${release.epoch}`, 'dpkg-deb', ...flags, '--build', tree, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

const read = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8')

/** What the package says of itself. */
export function controlOf(arch: Architecture, { version }: Release, kilobytes: number, home: string | undefined): string {
  const control = read('control').replace('@VERSION@', version).replace('@ARCHITECTURE@', arch).replace('@SIZE@', `${kilobytes}`)
  return home === undefined ? control.replace('Homepage: @HOMEPAGE@\n', '') : control.replace('@HOMEPAGE@', home)
}

/** In the form that Debian's tools read; what has changed stands in CHANGELOG.md.gz beside it. */
function changelog({ version, epoch }: Release): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000')
  const [, maintainer] = /^Maintainer: (.*)$/m.exec(read('control')) ?? []
  return `fibre-agent (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.gz.\n\n -- ${maintainer}  ${date}\n`
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)
}
