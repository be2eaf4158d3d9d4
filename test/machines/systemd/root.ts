// What a machine with systemd has in memory when it boots: a minimal Debian, packages for its apt, and what the test brings.
import { createHash } from 'node:crypto'
import { copyFileSync, globSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { cachedArchive, extendArchive } from '../archive.ts'
import { compileDemoNode } from '../initramfs.ts'
import type { Machine } from '../machines.ts'
import { download } from '../packages.ts'
import { runDownload, runProgram } from '../run.ts'

/** What the agent's package depends on and a minimal Debian lacks. */
const dependencies = { bookworm: ['libbpf1', 'libelf1'], trixie: ['libbpf1', 'libelf1t64'], 'trixie-backports': [] } as const
const unneeded = ['usr/share/{doc,info,locale,man}/*', 'var/cache/apt/*', 'var/lib/apt/lists/*']
/** They would work on their own while the test does. */
const masked = ['apt-daily.timer', 'apt-daily-upgrade.timer', 'getty@tty1.service', 'serial-getty@ttyS0.service']
const REPOSITORY = 'srv/packages'
const TEST = 'srv/test'

/** Version that the package is installed in before it is upgraded. */
export const OLDER = '0.0.1'

/** Writes the initramfs of a machine that gets a package, as it is and in an older version. */
export async function writeRoot(machine: Machine, deb: string, path: string): Promise<void> {
  await extendArchive(await debian(machine), path, (folder) => copyTest(machine, deb, folder))
}

/** Debian as debootstrap puts it together, made once. */
async function debian({ suite, arch }: Machine): Promise<string> {
  const fill = async (folder: string) => {
    await runDownload('debootstrap', ['--variant=minbase', '--include=systemd-sysv,dbus', suite, folder], {})
    for (const path of globSync(unneeded, { cwd: folder })) rmSync(join(folder, path), { recursive: true })
    for (const unit of masked) symlinkSync('/dev/null', join(folder, 'etc/systemd/system', unit))
    writeFileSync(join(folder, 'etc/hostname'), 'machine\n')
    await writeRepository(await download(arch, suite, dependencies[suite]), folder)
  }
  return await cachedArchive(`root-${suite}`, [suite, readFileSync(import.meta.filename)], fill, { keepsOwners: true })
}

/** Makes these packages the only ones that apt knows of. */
async function writeRepository(files: readonly string[], folder: string): Promise<void> {
  mkdirSync(join(folder, REPOSITORY))
  const index: string[] = []
  for (const file of files) {
    const name = basename(file)
    copyFileSync(file, join(folder, REPOSITORY, name))
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex')
    const control = await runProgram('dpkg-deb', ['--field', file])
    index.push(`${control.trim()}\nFilename: ./${name}\nSize: ${statSync(file).size}\nSHA256: ${hash}\n`)
  }
  writeFileSync(join(folder, REPOSITORY, 'Packages'), index.join('\n'))
  writeFileSync(join(folder, 'etc/apt/sources.list'), `deb [trusted=yes] file:/${REPOSITORY} ./\n`)
}

/** The packages, the demo node, and what is to be done, with the Node.js of the package to run that. */
async function copyTest({ arch }: Machine, deb: string, folder: string): Promise<void> {
  const test = join(folder, TEST)
  const unit = 'fibre-test.service'
  const units = join(folder, 'etc/systemd/system')
  mkdirSync(test, { recursive: true })
  mkdirSync(join(units, 'multi-user.target.wants'), { recursive: true })
  copyFileSync(join(import.meta.dirname, unit), join(units, unit))
  symlinkSync(`../${unit}`, join(units, 'multi-user.target.wants', unit))
  copyFileSync(deb, join(test, 'newer.deb'))
  await compileDemoNode(arch, join(test, 'bitcoind'))
  await build({
    entryPoints: [join(import.meta.dirname, 'guest.ts')],
    outfile: join(test, 'guest.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
  const tree = `${folder}.package`
  try {
    await runProgram('dpkg-deb', ['--raw-extract', deb, tree])
    copyFileSync(join(tree, 'usr/lib/fibre-agent/node'), join(test, 'node'))
    const control = join(tree, 'DEBIAN/control')
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${OLDER}`))
    // Emulated processors take a minute to unpack what was compressed well.
    await runProgram('dpkg-deb', ['--root-owner-group', '-Zzstd', '-z1', '--build', tree, join(test, 'older.deb')])
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}
