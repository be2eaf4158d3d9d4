// The machine that this runs on: its programs and its services.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Runs a program and returns how it ended and all that it printed. */
export function run(program: string, ...args: readonly string[]): Outcome {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 })
  if (error) throw error
  return { code: status, output: stdout + stderr }
}

/** Runs a program that has to succeed and returns all that it printed. */
export function succeed(program: string, ...args: readonly string[]): string {
  const { code, output } = run(program, ...args)
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${output}`)
  return output
}

type Property = 'ActiveState' | 'AmbientCapabilities' | 'UnitFileState' | 'MainPID' | 'NRestarts' | 'StatusText' | 'DropInPaths'

/** What systemd knows of a unit. */
export function unit(name: string): Readonly<Record<Property, string>> {
  const lines = succeed('systemctl', 'show', name).split('\n')
  const told = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s, 2))) as Record<Property, string>
  return { ...told, DropInPaths: told.DropInPaths ?? '' } // newer systemd leaves out what is empty
}

/** User and capabilities of a process. */
export function credentials(pid: string): { readonly user: string; readonly capabilities: readonly string[] } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? ''
  const mask = BigInt(`0x${/^CapEff:\s+(\w+)/m.exec(status)?.[1]}`)
  const names = { SYS_PTRACE: 19n, SYS_ADMIN: 21n, PERFMON: 38n, BPF: 39n }
  const others = Object.values(names).reduce((rest, bit) => rest & ~(1n << bit), mask)
  const held = Object.entries(names).flatMap(([name, bit]) => (mask & (1n << bit) ? [name] : []))
  return { user: succeed('id', '--name', '--user', uid).trim(), capabilities: others === 0n ? held : [...held, `0x${others.toString(16)}`] }
}

/** Lines that a unit logged, the newest last. */
export function logOf(name: string): readonly string[] {
  return succeed('journalctl', '--unit', name, '--output', 'cat', '--no-pager').split('\n').filter(Boolean)
}
