import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached, makeWhole } from '../machines/cache.ts'
import { output } from './packages.ts'

/** A minimal Debian in a folder, in which commands run as on a machine of its own, but for the kernel. */
export class DebianRoot implements AsyncDisposable {
  readonly folder: string

  constructor(folder: string) {
    this.folder = folder
  }

  /** Copies a release, which is put together by debootstrap the first time. */
  static async create(release: string): Promise<DebianRoot> {
    const pristine = cached(`root-${release}`)
    if (!existsSync(pristine))
      await makeWhole(pristine, async (unfinished) => void output('debootstrap', '--variant=minbase', release, unfinished))
    const folder = await mkdtemp(join(tmpdir(), 'fibre-root-'))
    output('cp', '-a', `${pristine}/.`, folder) // with devices, which Node.js does not copy
    return new DebianRoot(folder)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Runs a script of the shell. Its processes see each other alone, and end with it. */
  run(script: string): { readonly status: number | null; readonly output: string } {
    const mounts = `for d in sys dev; do mount --rbind /$d ${this.folder}/$d; done; mount -t proc proc ${this.folder}/proc`
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', `${mounts}; exec chroot "$0" sh -euc "$1"`, this.folder, script],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' } },
    )
    return { status, output: stdout + stderr }
  }

  /** Runs a script that has to succeed, and returns what it prints. */
  shell(script: string): string {
    const { status, output } = this.run(script)
    if (status !== 0) throw new Error(`ended with ${status}: ${script}\n${output}`)
    return output
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}
