import { readFileSync } from 'node:fs'
import manifest from '../package.json' with { type: 'json' }
import { type Agent, startAgent } from './agent.ts'
import type { OutcomeListener } from './blocks/blocks.ts'
import { createLog } from './log.ts'
import { loadSettings, SettingsError } from './settings/load.ts'

export interface CommandOptions {
  /** Words of the command line, after the program's name. */
  readonly argv: readonly string[]
  /** Folder of the compiled kernel program, `usdt.bpf.o`. */
  readonly folder: string
  readonly onBlock?: OutcomeListener
}

/** What a command has come to: an end with an exit code, or an agent that runs. */
export type Outcome = { readonly exitCode: number } | { readonly agent: Agent; reload(): void }

/** Does what the command line says. Text goes to standard output, faults to standard error. */
export async function runCommand({ argv, folder, onBlock }: CommandOptions): Promise<Outcome> {
  try {
    const invocation = loadSettings(argv, process.env, manifest.version)
    if (invocation.kind === 'print') {
      process.stdout.write(`${invocation.text}\n`)
      return { exitCode: 0 }
    }
    const { settings, warnings } = invocation
    const log = createLog({ level: settings.logLevel, file: settings.logFile })
    for (const warning of warnings) log.logger.warn(warning)
    const image = readFileSync(`${folder}/usdt.bpf.o`)
    const agent = await startAgent({ settings, version: manifest.version, image, log: log.logger, onBlock })
    const reload = () => {
      log.reopen()
      agent.reload()
    }
    return { agent, reload }
  } catch (error) {
    process.stderr.write(`fibre-agent: ${explain(error)}\n`)
    return { exitCode: error instanceof SettingsError ? error.exitCode : 1 }
  }
}

/** The message and what led to it, outermost first. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  return cause === undefined || error.message.includes(cause) ? error.message : `${error.message} (${cause})`
}
