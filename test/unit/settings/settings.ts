import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readCommandLine } from '../../../agent/commands/command-line.ts'
import { run as runCommand } from '../../../agent/commands/run.ts'
import { type Environment, loadSettings, SettingsError } from '../../../agent/settings/load.ts'
import { temporaryDirectory } from '../../harness/temporary.ts'
import { command } from '../commands/run-command.ts'

/** The settings as the agent would run with them. */
export function run(argv: readonly string[], env: Environment = {}) {
  return loadSettings(readCommandLine(argv, runCommand).settings, env)
}

/** The output of a command line that prints instead of running. */
export async function printed(argv: readonly string[], env: Environment = {}): Promise<string> {
  const { code, out, err } = await command(argv, { env })
  if (code !== 0) throw new Error(err)
  return out.replace(/\n$/, '')
}

/** The error that keeps the agent from starting. */
export function refusal(argv: readonly string[], env: Environment = {}): SettingsError {
  try {
    run(argv, env)
  } catch (error) {
    if (error instanceof SettingsError) return error
    throw error
  }
  throw new Error('these settings were accepted')
}

export function file(content: string, name = 'config.yaml'): string {
  const path = join(temporaryDirectory(), name)
  writeFileSync(path, content)
  return path
}

/** A self-signed certificate and its key. */
export function certificate(): { readonly cert: string; readonly key: string } {
  const directory = temporaryDirectory()
  const [cert, key] = [join(directory, 'node.crt'), join(directory, 'node.key')]
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync('openssl', ['req', '-x509', ...curve, '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'pipe' })
  return { cert, key }
}
