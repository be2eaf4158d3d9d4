import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Logger } from 'pino'
import manifest from '../package.json' with { type: 'json' }
import { type Agent, startAgent } from './agent.ts'
import { healthHelp, parseHealth, runHealthCommand } from './commands/health.ts'
import { runBlocksCommand } from './journal/blocks-command.ts'
import { createLog } from './log.ts'
import type { Output } from './nodes/output.ts'
import { type Invocation, loadSettings, readSettings, SettingsError } from './settings/load.ts'
import type { Replay } from './sources/open.ts'
import { parseReplay, ReplayCommandError } from './sources/replay/replay-command.ts'
import { thresholdsOf } from './stores.ts'

export interface CommandOptions {
  /** Words of the command line, after the program's name. */
  readonly argv: readonly string[]
  /** Folder of the compiled kernel program, `usdt.bpf.o`. */
  readonly folder: string
  /** Told of events and blocks after the agent's own outputs. */
  readonly outputs?: readonly Output[]
}

/** What a command has come to: an end with an exit code, or an agent that runs. */
export type Outcome =
  | { readonly exitCode: number }
  | {
      readonly agent: Agent
      reload(): void
      /** When it ends by itself. */
      readonly ends?: Promise<void>
    }

/** Does what the command line says. Text goes to standard output, faults to standard error. */
export async function runCommand(options: CommandOptions): Promise<Outcome> {
  const [command, ...words] = options.argv
  try {
    if (command === 'blocks') return { exitCode: await blocks(words) }
    if (command === 'replay') return await replay(options, words)
    if (command === 'health') return { exitCode: await health(words) }
    const { folder } = options
    return await run(options, loadSettings(options.argv, process.env, manifest.version), () => readFileSync(`${folder}/usdt.bpf.o`))
  } catch (error) {
    process.stderr.write(`fibre-agent: ${explain(error)}\n`)
    return { exitCode: error instanceof SettingsError || error instanceof ReplayCommandError ? error.exitCode : 1 }
  }
}

async function run({ outputs }: CommandOptions, invocation: Invocation, source: () => Buffer | Replay): Promise<Outcome> {
  if (invocation.kind === 'print') {
    process.stdout.write(`${invocation.text}\n`)
    return { exitCode: 0 }
  }
  const { settings, warnings, proxy } = invocation
  const log = createLog({ level: settings.logLevel, file: settings.logFile })
  for (const warning of warnings) log.logger.warn(warning)
  logNodeWarnings(log.logger)
  try {
    const { logger, dropped: logDropped } = log
    const agent = await startAgent({ settings, proxy, version: manifest.version, source: source(), log: logger, logDropped, outputs })
    const reload = () => {
      log.reopen()
      agent.reload()
    }
    const stop = () => agent.stop().then(log.close)
    return { agent: { ...agent, stop }, reload }
  } catch (error) {
    await log.close()
    throw error
  }
}

/** Node.js itself writes its warnings to standard error, and waits for whoever reads that. */
function logNodeWarnings(log: Logger): void {
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => log.warn({ name, reason: message }, 'Node.js warns'))
}

/** What a recording says is not to be told to others as if it happened now, unless that is asked for. */
const OUTWARD = ['journal', 'alertWebhookUrl', 'otlpEndpoint', 'record'] as const

async function replay(options: CommandOptions, words: readonly string[]): Promise<Outcome> {
  const { file, speed, exit, rest } = parseReplay(words)
  const invocation = loadSettings(rest, process.env, manifest.version)
  if (invocation.kind === 'print') return run(options, invocation, () => ({ file, speed }))
  const withheld = OUTWARD.filter((key) => !invocation.sources[key].startsWith('--'))
  const settings = { ...invocation.settings, ...Object.fromEntries(withheld.map((key) => [key, undefined])) }
  if (settings.record !== undefined && resolve(settings.record) === resolve(file))
    throw new ReplayCommandError('--record names the file that is replayed')
  const outcome = await run(options, { ...invocation, settings }, () => ({ file, speed }))
  if (!('agent' in outcome) || !exit || !outcome.agent.replayed) return outcome
  return { ...outcome, ends: outcome.agent.replayed }
}

function blocks(words: readonly string[]): Promise<number> {
  const [config, query] = takeConfig(words)
  const settings = readSettings(config, process.env)
  return runBlocksCommand(query, {
    journal: settings.journal,
    thresholds: thresholdsOf(settings),
    stdout: process.stdout,
    stderr: process.stderr,
    now: new Date(),
    noColor: Boolean(process.env.NO_COLOR),
  })
}

async function health(words: readonly string[]): Promise<number> {
  const command = parseHealth(words)
  if (!command.asksForHelp) return runHealthCommand(command, readSettings(command.rest, process.env), process)
  process.stdout.write(healthHelp)
  return 0
}

/** Takes `--config PATH` out of a command line: it may say where the journal is. */
function takeConfig(words: readonly string[]): readonly [config: readonly string[], others: readonly string[]] {
  const at = words.findIndex((word) => /^(--config|-c)(=|$)/.test(word))
  if (at === -1) return [[], words]
  const length = words[at]?.includes('=') ? 1 : 2
  return [words.slice(at, at + length), words.toSpliced(at, length)]
}

/** The message and what led to it, outermost first. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? error.cause.message : undefined
  return cause === undefined || error.message.includes(cause) ? error.message : `${error.message} (${cause})`
}
