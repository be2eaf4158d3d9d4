import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** A directory with the repository's files and a built agent. */
export interface Checkout {
  readonly name: string
  readonly root: string
}

export const here: Checkout = { name: 'here', root }

const git = (...args: string[]) =>
  execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim()

/** Builds a revision in a worktree of its own, which is removed when this process ends, by SIGINT too. */
export async function buildCheckout(revision: string): Promise<Checkout> {
  const commit = commitOf(revision)
  const directory = mkdtempSync(join(tmpdir(), 'fibre-bench-'))
  const worktree = join(directory, 'checkout')
  process.once('exit', () => {
    rmSync(directory, { recursive: true, force: true })
    git('worktree', 'prune')
  })
  git('worktree', 'add', '--detach', worktree, commit)
  if (isEqual(join(root, 'package-lock.json'), join(worktree, 'package-lock.json'))) {
    symlinkSync(join(root, 'node_modules'), join(worktree, 'node_modules'))
  }
  await runToItsEnd('sh', ['setup.sh'], worktree)
  if (!existsSync(join(worktree, 'dist/agent.cjs'))) throw new Error(`${revision} builds no dist/agent.cjs, so there is nothing to measure`)
  return { name: git('rev-parse', '--short', commit), root: worktree }
}

function commitOf(revision: string): string {
  try {
    return git('rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`)
  } catch (cause) {
    throw new Error(`${revision} names no commit of this repository`, { cause })
  }
}

const isEqual = (a: string, b: string) => existsSync(b) && readFileSync(a).equals(readFileSync(b))

/** Runs a command in a process group of its own, which ends with this process; what it says goes to standard error. */
async function runToItsEnd(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 2, 2], detached: true })
  const kill = () => process.kill(-(child.pid as number), 'SIGKILL')
  process.prependOnceListener('exit', kill) // before the directory in which it writes is removed
  const [code] = await once(child, 'exit')
  process.removeListener('exit', kill)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code} in ${cwd}`)
}
