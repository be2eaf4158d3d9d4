// `npm run package`: makes what is installed on servers, in dist/packages/. The same commit gives the same Debian packages and tarballs.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { writeDeb } from './debian/deb.ts'
import { billOfMaterials } from './sbom.ts'
import { writeTarball } from './tarball.ts'
import { type Architecture, architectures, type Release, stageTree } from './tree.ts'

const usage = `Usage: npm run package -- [--arch ${architectures.join('|')}]...
Makes Debian packages and tarballs of all architectures, or of those that --arch names, and the npm package, in dist/packages/.
SOURCE_DATE_EPOCH is the date of all that is in them: by default that of the last commit.`

const root = join(import.meta.dirname, '../..')

try {
  await main()
} catch (error) {
  console.error(`package: ${(error as Error).message}`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { arch: { type: 'string', multiple: true }, help: { type: 'boolean' } } })
  if (values.help) return console.log(usage)
  const chosen = values.arch ?? architectures
  const unknown = chosen.find((arch) => !architectures.includes(arch as Architecture))
  if (unknown !== undefined) throw new Error(`there is no package for ${unknown}, but for ${architectures.join(' and ')}`)

  const folder = join(root, 'dist/packages')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const release: Release = { version: manifest.version, epoch: epochOfRelease() }
  for (const arch of chosen as readonly Architecture[]) await packageFor(arch, release, folder)
  console.error('npm package ...')
  execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  writeFileSync(join(folder, `fibre-agent_${release.version}.cdx.json`), billOfMaterials(root, release))
  const names = readdirSync(folder).sort()
  writeFileSync(join(folder, 'SHA256SUMS'), names.map((name) => `${hashOf(join(folder, name))}  ${name}\n`).join(''))
  for (const name of [...names, 'SHA256SUMS']) console.log(`dist/packages/${name}`)
}

async function packageFor(arch: Architecture, release: Release, folder: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'fibre-agent-package-'))
  try {
    console.error(`${arch}: files ...`)
    const tree = join(work, 'tree')
    await stageTree(arch, release, tree, join(work, 'runtime'))
    console.error(`${arch}: tarball ...`)
    writeTarball(tree, release, join(folder, `fibre-agent-${release.version}-linux-${arch}.tar.xz`))
    console.error(`${arch}: Debian package ...`)
    writeDeb(tree, arch, release, join(folder, `fibre-agent_${release.version}_${arch}.deb`))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Seconds since 1970. */
function epochOfRelease(): number {
  const given = process.env.SOURCE_DATE_EPOCH
  if (given !== undefined && /^\d+$/.test(given)) return Number(given)
  try {
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch {
    throw new Error('this is no checkout of git, so the date of the packages is not known: set SOURCE_DATE_EPOCH')
  }
}

function hashOf(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}
