// What a machine has in memory when it boots: Debian's libraries, Node.js and the checkout, as an initramfs. It has no disk.
import { copyFileSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { demoNodeSource } from '../demo-node/compile.ts'
import { cachedArchive, extendArchive } from './archive.ts'
import { cached, makeWhole } from './cache.ts'
import { type Arch, targetTriple } from './machines.ts'
import { download, unpack } from './packages.ts'
import { runDownload, runProgram } from './run.ts'

const root = join(import.meta.dirname, '../..')
/** The lock file of what packages bring: koffi and Node.js of each processor. */
const runtime = join(root, 'agent/packaging/runtime')

/** Debian 12, whose libbpf 1.1 is the oldest that the agent takes, whatever the kernel. */
const SUITE = 'bookworm'
const libraries = ['busybox-static', 'libc6', 'libgcc-s1', 'libstdc++6', 'libbpf1', 'libelf1', 'zlib1g']
const headers = ['libc6-dev', 'linux-libc-dev', 'libgcc-12-dev', 'systemtap-sdt-dev']
/** Debian's libraries come with what no program asks for here. */
const unneeded = ['usr/share', 'usr/lib/*/gconv']

/** Writes the initramfs of a processor's machines: what the checkout and a package have now, after what stays the same. */
export async function writeInitramfs(arch: Arch, path: string, deb?: string): Promise<void> {
  await extendArchive(await system(arch), path, async (folder) => {
    await copyProject(arch, folder)
    if (deb !== undefined) await unpack([deb], folder)
  })
}

/** Debian's libraries, Node.js and npm packages, made once for each lock file. */
async function system(arch: Arch): Promise<string> {
  const ingredients = [
    SUITE,
    ...libraries,
    readFileSync(import.meta.filename),
    ...[root, runtime].map((folder) => readFileSync(join(folder, 'package-lock.json'))),
  ]
  return await cachedArchive(`system-${arch}`, ingredients, (folder) => copySystem(arch, folder))
}

async function copySystem(arch: Arch, folder: string): Promise<void> {
  await unpack(await download(arch, SUITE, libraries), folder)
  for (const path of globSync(unneeded, { cwd: folder })) rmSync(join(folder, path), { recursive: true })
  const project = join(folder, 'fibre')
  mkdirSync(project)
  cpSync(runtime, project, { recursive: true })
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  await runDownload('npm', ['ci', '--os=linux', `--cpu=${arch}`, '--libc=glibc', ...quiet], { cwd: project })
  const node = join(project, `node_modules/node-linux-${arch}`)
  copyFileSync(join(node, 'bin/node'), join(folder, 'bin/node'))
  rmSync(node, { recursive: true })
  copyPackage('pino', join(project, 'node_modules'))
  copyFileSync(join(root, 'package.json'), join(project, 'package.json'))
}

/** Copies an npm package of the checkout and those that it needs. They have no code of a processor. */
function copyPackage(name: string, modules: string): void {
  const to = join(modules, name)
  if (existsSync(to)) return
  cpSync(join(root, 'node_modules', name), to, { recursive: true })
  const { dependencies = {} } = JSON.parse(readFileSync(join(to, 'package.json'), 'utf8'))
  for (const other of Object.keys(dependencies)) copyPackage(other, modules)
}

/** The checkout as it is, with its kernel program and with a demo node for that processor. */
async function copyProject(arch: Arch, folder: string): Promise<void> {
  const project = join(folder, 'fibre')
  for (const path of ['agent', 'dist/usdt.bpf.o', ...globSync('test/{demo-node,harness,kernel,machines}', { cwd: root })]) {
    mkdirSync(dirname(join(project, path)), { recursive: true })
    cpSync(join(root, path), join(project, path), { recursive: true })
  }
  copyFileSync(join(import.meta.dirname, 'init'), join(folder, 'init'))
  await compileDemoNode(arch, join(project, 'dist/demo-node'))
}

/** Compiles the demo node for a processor. */
export async function compileDemoNode(arch: Arch, path: string): Promise<void> {
  const target = [`--target=${targetTriple[arch]}`, `--sysroot=${await sysroot(arch)}`, '-fuse-ld=lld']
  await runProgram('clang', [...target, '-O2', '-g', '-pthread', demoNodeSource, '-o', path, '-lm'])
}

/** Folder with the headers and libraries that programs for that processor are built from. */
async function sysroot(arch: Arch): Promise<string> {
  const path = cached(`sysroot-${arch}`)
  if (!existsSync(path))
    await makeWhole(path, async (unfinished) => unpack(await download(arch, SUITE, [...libraries, ...headers]), unfinished))
  return path
}
