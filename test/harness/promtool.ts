import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'fibre-agent')

/**
 * Path of promtool: the one on PATH, or one that is taken out of Debian's package `prometheus` and kept in the user's cache.
 * Installing the package would start a server. Throws, with the reason, where neither can be had.
 */
export async function promtool(): Promise<string> {
  if (spawnSync('promtool', ['--version']).status === 0) return 'promtool'
  const kept = join(cache, 'promtool', 'promtool')
  if (!existsSync(kept)) download(kept)
  return kept
}

/** Into a directory of its own first, so that what is cached is whole, whoever else downloads or is interrupted. */
function download(path: string): void {
  mkdirSync(cache, { recursive: true })
  const directory = mkdtempSync(join(cache, 'download-'))
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] })
  try {
    console.log('Downloading promtool from the distribution (19 MB, once) ...')
    run('apt-get', 'download', '-q', 'prometheus')
    const [archive = ''] = readdirSync(directory)
    run('dpkg-deb', '-x', archive, 'package')
    mkdirSync(join(path, '..'), { recursive: true })
    renameSync(join(directory, 'package/usr/bin/promtool'), path)
  } catch (cause) {
    throw new Error(`promtool is not to be had: ${(cause as Error).message.trim()}`, { cause })
  } finally {
    rmSync(directory, { recursive: true })
  }
}
