import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmdirSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { onTestFinished, type TestContext } from 'vitest'
import { need } from './needs.ts'

/** A file system of its own in memory, of 64 KiB unless told otherwise. */
export function mountMemory(context: TestContext, size = '64k'): string {
  const directory = emptyDirectory()
  mount(context, directory, ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory])
  return directory
}

/** A file system of its own that can be frozen: whatever writes to it then waits, where no signal reaches it. */
export function mountDisk(context: TestContext) {
  const directory = emptyDirectory()
  const image = `${directory}.image`
  onTestFinished(() => run('rm', '-f', image))
  run('touch', image)
  truncateSync(image, 32 * 2 ** 20)
  run('mkfs.ext4', '-q', '-F', image)
  mount(context, directory, ['-o', 'loop', image, directory])
  const thaw = () => {
    try {
      run('fsfreeze', '--unfreeze', directory)
    } catch {
      // it is not frozen
    }
  }
  onTestFinished(thaw) // before it is unmounted: what was registered last is done first
  /** Until it is thawed or what this returns is disposed of: before that no process that writes to it can end. */
  const freeze = (): Disposable => {
    run('fsfreeze', '--freeze', directory)
    return { [Symbol.dispose]: thaw }
  }
  return { directory, freeze, thaw }
}

function emptyDirectory(): string {
  const directory = mkdtempSync(`${tmpdir()}/mounted-`)
  chmodSync(directory, 0o755)
  onTestFinished(() => rmdirSync(directory))
  return directory
}

function mount(context: TestContext, directory: string, args: readonly string[]): void {
  try {
    run('mount', ...args)
  } catch {
    need(context, false, 'it takes root that may mount file systems')
  }
  onTestFinished(() => run('umount', '--lazy', directory))
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe' })
}
