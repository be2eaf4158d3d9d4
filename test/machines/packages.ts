// Debian's packages of any suite and processor, downloaded and unpacked beside the host's own: nothing is installed.
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from './cache.ts'
import { type Arch, debianArch, type Machine } from './machines.ts'
import { runDownload, runProgram } from './run.ts'

export type Suite = Machine['suite']
const suites: readonly Suite[] = ['bookworm', 'trixie', 'trixie-backports']
const LISTS_LAST_MS = 86_400_000

/** Downloads packages, unless they are there, and returns their files. What they depend on does not come with them. */
export async function download(arch: Arch, suite: Suite, names: readonly string[]): Promise<readonly string[]> {
  const packages = names.map((name) => `${name}:${debianArch[arch]}/${suite}`)
  const archives = cached('apt/archives')
  const uris = await apt(['download', '--print-uris', ...packages])
  const files = [...uris.matchAll(/^'[^']*' (\S+)/gm)].map(([, file]) => join(archives, file as string))
  if (!files.every((file) => existsSync(file))) await apt(['download', ...packages], archives)
  return files
}

export async function unpack(files: readonly string[], folder: string): Promise<void> {
  for (const file of files) await runProgram('dpkg-deb', ['-x', file, folder])
}

let ready: Promise<void> | undefined

/** Asks apt-get, with the suites' lists in place. */
export async function apt(args: readonly string[], cwd?: string): Promise<string> {
  ready ??= refreshLists()
  await ready
  return await aptGet(args, cwd)
}

const aptGet = (args: readonly string[], cwd = '/') =>
  runDownload('apt-get', ['-qq', ...args], { cwd, env: { ...process.env, APT_CONFIG: cached('apt/apt.conf') } })

/** Reads the package lists of suites once a day; if that fails, old lists are used. */
async function refreshLists(): Promise<void> {
  for (const folder of ['lists/partial', 'archives/partial', 'parts']) mkdirSync(cached('apt', folder), { recursive: true })
  writeFileSync(cached('apt/status'), '')
  writeFileSync(cached('apt/apt.conf'), configuration(cached('apt')))
  const uri = await debianMirror()
  const sources = suites.map((suite) => `deb [arch=amd64,arm64 signed-by=${KEYRING}] ${uri} ${suite} main\n`)
  writeFileSync(cached('apt/sources.list'), sources.join(''))
  const updated = cached('apt/updated')
  if (existsSync(updated) && Date.now() - statSync(updated).mtimeMs < LISTS_LAST_MS) return
  try {
    await aptGet(['-oAPT::Update::Error-Mode=any', 'update'])
    writeFileSync(updated, '')
  } catch (error) {
    if (!existsSync(updated)) throw error
    console.error(`Lists of packages stay as they are: ${(error as Error).message}`)
  }
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The host's own mirror, where the host is a Debian. */
async function debianMirror(): Promise<string> {
  const uris = await runProgram('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages']).catch(() => '')
  return uris.split('\n').find((uri) => /\/debian\/?$/.test(uri)) ?? 'http://deb.debian.org/debian'
}

/** An apt that knows neither what the host has installed nor where the host installs from. */
const configuration = (folder: string) => `Dir::State "${folder}";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}";
Dir::Etc::sourcelist "${folder}/sources.list";
Dir::Etc::sourceparts "${folder}/parts";
Dir::Etc::preferencesparts "${folder}/parts";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
`
