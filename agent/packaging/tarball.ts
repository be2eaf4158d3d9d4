import { execFileSync } from 'node:child_process'
import type { Release } from './tree.ts'

/** Writes a tree as an archive that is unpacked at the root of a file system. */
export function writeTarball(tree: string, { epoch }: Release, path: string): void {
  const same = ['--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']
  const content = execFileSync('tar', [...same, '-C', tree, '-cf', '-', '.'], { maxBuffer: 1 << 30 })
  execFileSync('sh', ['-c', 'exec xz -1 -T1 >"$1"', 'xz', path], { input: content, stdio: ['pipe', 'inherit', 'inherit'] })
}
