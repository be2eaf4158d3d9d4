import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, globSync, lutimesSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { homepage } from '../homepage.ts'
import { completions } from './manual/completions.ts'
import { manualPage } from './manual/page.ts'

/** Architectures by their names in Debian. */
export const architectures = ['amd64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

/** The names of architectures in Node.js and npm. */
const nodeArchitecture = { amd64: 'x64', arm64: 'arm64' } as const

export interface Release {
  readonly version: string
  /** Time of all files, seconds since 1970. */
  readonly epoch: number
}

const root = join(import.meta.dirname, '../..')
const LIBRARY = 'usr/lib/fibre-agent'

/** Puts all files that are installed below a folder, with their modes and times. */
export async function stageTree(arch: Architecture, release: Release, tree: string, runtime: string): Promise<void> {
  installRuntime(arch, runtime)
  const into = new Tree(tree)
  addProgram(into, arch, runtime)
  addConfiguration(into)
  await addDocuments(into, release)
  into.settle(release.epoch)
}

/** Installs Node.js and koffi of the architecture, as the lock file beside this one has them. */
function installRuntime(arch: Architecture, folder: string): void {
  cpSync(join(import.meta.dirname, 'runtime'), folder, { recursive: true })
  const platform = ['--os', 'linux', '--cpu', nodeArchitecture[arch], '--libc', 'glibc']
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', ...platform], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** The kernel reads so many characters of a script's first line. */
const LONGEST_FIRST_LINE = 255

/** Returns a launcher that runs the package's own Node.js. Throws where its first line, with all options, is longer than the kernel reads. */
export function withOwnNode(launcher: string): string {
  const own = launcher.replace(/^(#!.*) node /, `$1 /${LIBRARY}/node `)
  const length = own.indexOf('\n')
  if (length > LONGEST_FIRST_LINE) throw new Error(`the first line of the launcher has ${length} characters, ${LONGEST_FIRST_LINE} at most`)
  return own
}

function addProgram(into: Tree, arch: Architecture, runtime: string): void {
  const packages = join(runtime, 'node_modules')
  const node = nodeArchitecture[arch]
  into.file(`${LIBRARY}/node`, readFileSync(join(packages, `node-linux-${node}/bin/node`)), 0o755)
  execFileSync('llvm-strip', ['--strip-all', into.path(`${LIBRARY}/node`)])
  into.file(`${LIBRARY}/agent.cjs`, withOwnNode(readFileSync(join(root, 'dist/agent.cjs'), 'utf8')), 0o755)
  // Without main.cjs.cache, which V8 writes with a random seed: packages of one commit would differ, for 30 ms of each start.
  for (const name of ['main.cjs', 'usdt.bpf.o']) into.copy(join(root, 'dist', name), `${LIBRARY}/${name}`)
  const koffi = ['package.json', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs', 'LICENSE.txt']
  into.copyAll(join(packages, 'koffi'), koffi, `${LIBRARY}/node_modules/koffi`)
  const binary = `@koromix/koffi-linux-${node}`
  into.copyAll(join(packages, binary), ['package.json', 'index.js', `linux_${node}/**`], `${LIBRARY}/node_modules/${binary}`)
  into.link('usr/bin/fibre-agent', '../lib/fibre-agent/agent.cjs')
}

function addConfiguration(into: Tree): void {
  into.copy(join(root, 'agent/settings/example.yaml'), 'etc/fibre-agent/config.yaml', 0o640)
  const unit = withDocumentation(readFileSync(join(import.meta.dirname, 'systemd/fibre-agent.service'), 'utf8'), homepage)
  into.file('usr/lib/systemd/system/fibre-agent.service', unit)
  into.file('usr/lib/systemd/system/fibre-agent@.service', templateOf(unit))
  into.copy(join(import.meta.dirname, 'systemd/fibre-agent.generator'), 'usr/lib/systemd/system-generators/fibre-agent', 0o755)
  into.copyAll(join(import.meta.dirname, 'systemd'), ['*.sysusers'], 'usr/lib/sysusers.d', (name) => name.replace('.sysusers', '.conf'))
}

/** The unit with the homepage beside the manual page. */
export function withDocumentation(unit: string, home: string | undefined): string {
  return home === undefined ? unit : unit.replace(/^Documentation=.*/m, `$& ${home}`)
}

/** The unit for one of several agents, with a configuration file and a journal of its own. */
function templateOf(unit: string): string {
  const changes: readonly (readonly [RegExp, string])[] = [
    [/^(Description=.*)$/m, '$1 (%i)'],
    [
      /^ExecStart=.*$/m,
      'ExecStart=/usr/bin/fibre-agent --config /etc/fibre-agent/%i.yaml\nEnvironment=FIBRE_JOURNAL=%S/fibre-agent-%i/blocks.ndjson',
    ],
    [/^RuntimeDirectory=.*$/m, 'RuntimeDirectory=fibre-agent-%i'],
    [/^StateDirectory=.*$/m, 'StateDirectory=fibre-agent-%i'],
    [/^# {3}systemctl edit fibre-agent$/m, '#   systemctl edit fibre-agent@%i'],
  ]
  return changes.reduce((text, [line, replacement]) => {
    if (!line.test(text)) throw new Error(`the unit has no line ${line.source}`)
    return text.replace(line, replacement)
  }, unit)
}

async function addDocuments(into: Tree, { version, epoch }: Release): Promise<void> {
  const day = new Date(epoch * 1000).toISOString().slice(0, 10)
  into.compressed('usr/share/man/man1/fibre-agent.1.gz', await manualPage(version, day))
  const { bash, zsh, fish } = await completions()
  into.file('usr/share/bash-completion/completions/fibre-agent', bash)
  into.file('usr/share/zsh/vendor-completions/_fibre-agent', zsh)
  into.file('usr/share/fish/vendor_completions.d/fibre-agent.fish', fish)
  const shared = 'usr/share/fibre-agent'
  into.copyAll(join(root, 'dashboards'), ['json/*', 'import/*', 'provisioning/**', '*.yaml', '*.md'], `${shared}/dashboards`)
  into.copyAll(join(root, 'collector'), ['*.yaml', '*.md', '*.sh'], `${shared}/collector`)
  into.copyAll(join(import.meta.dirname, 'kubernetes'), ['*.yaml'], `${shared}/kubernetes`)
  const documents = 'usr/share/doc/fibre-agent'
  into.copyAll(root, ['README.md', 'SECURITY.md'], documents)
  into.compressed(`${documents}/CHANGELOG.md.gz`, readFileSync(join(root, 'CHANGELOG.md'), 'utf8'))
  for (const part of ['metrics', 'journal', 'page', 'webhook', 'packaging'])
    into.copy(join(root, `agent/${part}/README.md`), `${documents}/${part}.md`)
  const webConfig = join(root, 'agent/settings/web-config')
  into.copy(join(webConfig, 'README.md'), `${documents}/web-config.md`)
  into.copy(join(webConfig, 'example.yml'), `${documents}/example.yml`)
}

/** Files below a folder. */
class Tree {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
  }

  path(name: string): string {
    return join(this.#folder, name)
  }

  file(name: string, content: string | Buffer, mode = 0o644): void {
    mkdirSync(dirname(this.path(name)), { recursive: true })
    writeFileSync(this.path(name), content)
    chmodSync(this.path(name), mode)
  }

  copy(from: string, name: string, mode?: number): void {
    this.file(name, readFileSync(from), mode ?? (basename(from).endsWith('.sh') ? 0o755 : 0o644))
  }

  /** Copies the files of a folder that patterns name; fails where there are none. */
  copyAll(from: string, patterns: readonly string[], into: string, rename = (name: string) => name): void {
    const found = globSync(patterns, { cwd: from, withFileTypes: true }).filter((entry) => entry.isFile())
    if (found.length === 0) throw new Error(`${from} has none of ${patterns.join(', ')}`)
    for (const entry of found) {
      const path = join(entry.parentPath, entry.name)
      this.copy(path, join(into, rename(path.slice(from.length + 1))))
    }
  }

  compressed(name: string, text: string): void {
    this.file(name, gzipSync(text, { level: 9 }))
  }

  link(name: string, target: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true })
    symlinkSync(target, this.path(name))
  }

  /** Gives all files and folders one time, and folders one mode. */
  settle(epoch: number): void {
    for (const entry of [...globSync('**', { cwd: this.#folder, withFileTypes: true })]) {
      const path = join(entry.parentPath, entry.name)
      if (entry.isDirectory()) chmodSync(path, 0o755)
      lutimesSync(path, epoch, epoch)
    }
  }
}
