import { existsSync, fstatSync, readFileSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { Logger } from 'pino'
import { noSuchProcess } from '../bitcoind/faults.ts'
import { createLog, type Destination } from '../log.ts'
import {
  type Environment,
  isColourUnwanted,
  isJournal,
  isServiceManagerListening,
  type LoadedSettings,
  loadSettings,
  readSettings,
  waitsForNode,
} from '../settings/load.ts'
import { groups, keys, type Option, options } from '../settings/schema.ts'
import { problemOfReading } from '../settings/secrets/files.ts'
import { settingsText } from '../settings/settings-text.ts'
import type { Source } from '../settings/source.ts'
import type { Replay } from '../sources/open.ts'
import { type Context, defineCommand, didYouMeanCommand, type Outcome } from './command.ts'
import { explain } from './explain.ts'
import type { Flags } from './flags.ts'
import { print } from './print.ts'

const introduction = `Watches bitcoind through its tracepoints and serves what it says of each block to Prometheus. \
The command line counts over the environment, the environment over the configuration file, and that over the defaults. \
An empty variable counts as not set. The beginning of a flag is enough where it is unambiguous.`

const standardVariables = `Pushing also follows OpenTelemetry's OTEL_EXPORTER_OTLP_HEADERS, _COMPRESSION, \
_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY, and the same names with _METRICS after OTLP.`

export const exitStatus = 'Exit status: 0 after a clean end, 2 when the command line or another setting is wrong, 1 for any other reason.'

/** Flags of the commands that measure. */
export const checkFlag = {
  'config.check': {
    help: 'Check all settings, print what they come to as a configuration file, with the source of each, and exit. Secrets are left out.',
  },
} as const satisfies Flags

/** `fibre-agent`, without the name of a command: measures. */
export const run = defineCommand({
  flags: checkFlag,
  help: {
    usage: [
      'fibre-agent [--FLAG [VALUE]]...         measure',
      'fibre-agent blocks [--help | QUERY]     what the journal says of blocks',
      'fibre-agent replay FILE [--speed N]     measure a recording of --record',
      'fibre-agent doctor [--json]             say what is missing, what to do',
      'fibre-agent tracepoints [PATH|PID]      list what a binary offers',
      'fibre-agent health [--ready]            ask the agent that runs how it is',
      'fibre-agent help [COMMAND]              explain a command',
      'fibre-agent version                     print the version',
    ],
    parts: [
      introduction,
      ...groups.map((group) => ({
        title: group,
        flags: [...flagsOf(group), ...(group === 'General' ? ['help', 'version', 'config.check'] : [])],
      })),
      standardVariables,
      exitStatus,
    ],
  },
  problemOfWord: (word) => {
    const name = JSON.stringify(word.split('=', 1)[0]) // the rest of metrics-auth-password=… is not for printing
    return `${name}: there is no such command${didYouMeanCommand(word) || '; settings are given as --flag value'}`
  },
  async run({ settings, values }, context) {
    const loaded = loadSettings(settings, context.env)
    if (values['config.check']) return printSettings(loaded, context)
    requireProcess(loaded)
    return measure(loaded, loaded.settings.source === 'log' ? 'log' : readKernelProgram(context.folder), settings, context)
  },
})

function flagsOf(group: Option['group']): readonly string[] {
  return keys
    .map((key) => options[key])
    .filter((option) => option.group === group)
    .map(({ flag }) => flag)
}

function requireProcess(loaded: LoadedSettings): void {
  const { pid } = loaded.settings
  if (pid !== 0 && !waitsForNode(loaded) && !existsSync(`/proc/${pid}`)) throw new Error(`${noSuchProcess(pid)}; --wait waits all the same`)
}

/** Answers `--config.check`. */
export async function printSettings(loaded: LoadedSettings, { stdout }: Context): Promise<Outcome> {
  await print([`${settingsText(loaded)}\n`], stdout)
  return { exitCode: 0 }
}

/** Starts an agent. SIGHUP reads the settings of the command line anew, and all others. */
export async function measure(
  loaded: LoadedSettings,
  source: Buffer | 'log' | Replay,
  commandLine: Source,
  { version, outputs, env }: Context,
): Promise<Outcome> {
  const { settings, warnings, proxy } = loaded
  const log = createLog({ level: settings.logLevel, format: settings.logFormat, destination: standardOutput(env), file: settings.logFile })
  for (const warning of warnings) log.logger.warn(warning)
  logNodeWarnings(log.logger)
  try {
    const { startAgent } = await import('../agent.ts')
    const logged = { log: log.logger, logDropped: log.dropped, logFile: log.file }
    const agent = await startAgent({
      ...{ settings, proxy, version, source, ...logged, outputs },
      readSettings: () => readSettings(commandLine, env),
      isService: isServiceManagerListening(env),
    })
    const reload = () => {
      log.reopen()
      agent.reload()
    }
    const stop = () => agent.stop().then(log.close)
    return { agent: { ...agent, stop }, reload }
  } catch (error) {
    log.logger.error({ reason: explain(error) }, 'the agent cannot start') // for those who read the log alone
    await log.close()
    throw error
  }
}

function standardOutput(env: Environment | undefined): Destination {
  if (isatty(1)) return isColourUnwanted(env) ? 'terminal' : 'coloured terminal'
  return isJournal(fstatSync(1), env) ? 'journal' : 'file'
}

/** Node.js itself writes its warnings to standard error, and waits for whoever reads that. */
function logNodeWarnings(log: Logger): void {
  process.removeAllListeners('warning')
  process.on('warning', ({ name, message }) => log.warn({ name, reason: message }, 'Node.js warns'))
}

/** Reads the compiled kernel program. */
export function readKernelProgram(folder: string): Buffer {
  const path = `${folder}/usdt.bpf.o`
  const problem = problemOfReading(path)
  if (problem !== undefined) throw new Error(`the kernel program ${problem}; it belongs beside the agent: install both anew`)
  return readFileSync(path)
}
