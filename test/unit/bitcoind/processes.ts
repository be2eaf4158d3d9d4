import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { onTestFinished, vi } from 'vitest'
import type { Selection } from '../../../agent/bitcoind/select.ts'
import { type Target, type WatchExit, type WatchOptions, watchProcesses } from '../../../agent/bitcoind/watch.ts'
import { captureLog } from '../../harness/captured-log.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'

/** A directory for one test, with a program that stays running whatever its arguments. */
export function pausingProgram() {
  const directory = temporaryDirectory()
  const path = (...parts: string[]) => join(directory, ...parts)
  const program = path('pausing')
  execFileSync('cc', ['-pthread', '-o', program, join(import.meta.dirname, 'pausing.c')])

  /** Puts a copy of the program somewhere, as an installation would. */
  const install = (...parts: string[]) => {
    mkdirSync(path(...parts.slice(0, -1)), { recursive: true })
    copyFileSync(program, path(...parts))
    return path(...parts)
  }
  return { path, program, install }
}

/** Starts a process, which ends with the test at the latest. */
export async function startProcess(command: string, args: readonly string[] = [], options: SpawnOptions = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options })
  onTestFinished(() => killProcess(child))
  await once(child, 'spawn')
  return Object.assign(child, { pid: child.pid as number })
}

export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Waits for the next line of a process's output. */
export async function nextLine(child: ChildProcess): Promise<string> {
  const [line] = await once(child.stdout as Readable, 'data')
  return String(line).trim()
}

/** Has a process fork; the child's pid. */
export async function forkOff(parent: ChildProcess): Promise<number> {
  parent.kill('SIGUSR2')
  const pid = Number(await nextLine(parent))
  onTestFinished(() => void process.kill(pid, 'SIGKILL'))
  return pid
}

/** Watches as the agent does, and keeps what it is told. */
export async function watch(selection: Partial<Selection>, options: Partial<WatchOptions> = {}) {
  const told: string[] = []
  const expected: string[] = []
  const seen: Target[] = []
  const { log, lines } = captureLog('debug')
  const watcher = await watchProcesses(
    { nodes: [], nodeName: 'localhost', ...selection },
    { log, watchExit: pollForExit, ...options },
    {
      processStarted: (target) => {
        seen.push(target)
        told.push(`+ ${target.node} ${target.pid}`)
      },
      processExited: ({ node, pid }) => told.push(`- ${node} ${pid}`),
      nodeExpected: (node) => expected.push(node),
      nodeForgotten: (node) => told.push(`forgotten ${node}`),
    },
  )
  onTestFinished(() => watcher.close())
  const findings = () => watcher.findings().map(({ text }) => text)
  return { watcher, told, expected, seen, lines, findings, warnings: () => lines.filter(({ level }) => level === 40) }
}

/** A view of /proc with those processes alone that are shown: others of this machine may be called bitcoind as well. */
export function ownProc() {
  const procRoot = temporaryDirectory()
  const show = (pid: number | 'self') => symlinkSync(`/proc/${pid}`, join(procRoot, `${pid}`))
  show('self')
  return { procRoot, show }
}

/** Stands in for pidfd. */
const pollForExit: WatchExit = (pid, onExit) => {
  const timer = setInterval(() => {
    const isAlive = existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    if (isAlive) return
    clearInterval(timer)
    onExit()
  }, 5)
  return { close: () => clearInterval(timer) }
}

/** Waits until `assertion` holds; a scan each second and 2 s for a newcomer are what the watcher promises. */
export const eventually = (assertion: () => void, timeout = 3_000) => vi.waitFor(assertion, { timeout, interval: 5 })
