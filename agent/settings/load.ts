import { check } from './check.ts'
import { CommandLine } from './command-line.ts'
import { ConfigFile } from './config-file.ts'
import { defaults, type Effective, merge, withSetting } from './effective.ts'
import { type Environment, problemsOfPushing, proxyOf, readEnvironment, switchedOffBy } from './environment.ts'
import { withHeadersFile } from './headers-file.ts'
import { helpText } from './help.ts'
import { withPasswordFile } from './password-file.ts'
import { type Key, keys, type Settings } from './schema.ts'
import { summary } from './summary.ts'

export type { Environment } from './environment.ts'
export type { Settings } from './schema.ts'

/** What the command line asks for: to run, or only to print something (without a line break at its end). */
export type Invocation =
  | {
      readonly kind: 'run'
      readonly settings: Settings
      readonly sources: Readonly<Record<Key, string>>
      readonly warnings: readonly string[]
      /** The environment's HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
      readonly proxy: Readonly<Record<string, string>>
    }
  | { readonly kind: 'print'; readonly text: string }

/** Every reason why the agent does not start with these settings. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly problems: readonly string[]
  /** 2 when the command line is wrong, 1 when it is anything else, as the exporter that operators come from. */
  readonly exitCode: 1 | 2

  constructor(problems: readonly string[], exitCode: 1 | 2) {
    super(['These settings cannot be used:', ...problems.map((problem) => `  ${problem}`), 'All settings: fibre-agent --help'].join('\n'))
    this.problems = problems
    this.exitCode = exitCode
  }
}

/** Puts the settings together: command line over environment over configuration file over default. */
export function loadSettings(argv: readonly string[], env: Environment, version: string): Invocation {
  const commandLine = new CommandLine().read(argv)
  if (commandLine.actions.has('help')) return { kind: 'print', text: helpText() }
  if (commandLine.actions.has('version')) return { kind: 'print', text: `fibre-agent ${version}` }

  const { given, file } = gather(commandLine, env)
  const problems = given.flatMap((source) => source.problems)
  const warnings = given.flatMap((source) => source.warnings)

  const effective = withoutSwitchedOff(withHeadersFile(withPasswordFile(merge(given), problems), problems), env, warnings)
  // Half of a pair may stand in the file that could not be read.
  if (!file?.isUnusable) problems.push(...check(effective))
  if (effective.settings.otlpEndpoint) problems.push(...problemsOfPushing(env))
  refuse(problems, commandLine)

  const { settings, sources } = effective
  if (commandLine.actions.has('check')) return { kind: 'print', text: summary(effective, warnings) }
  return { kind: 'run', settings, sources, warnings, proxy: proxyOf(env) }
}

/** Settings for a command that only reads: whether an agent could run with them does not matter to it. */
export function readSettings(argv: readonly string[], env: Environment): Settings {
  const commandLine = new CommandLine().read(argv)
  const { given } = gather(commandLine, env)
  refuse(
    given.flatMap((source) => source.problems),
    commandLine,
  )
  return merge(given).settings
}

/** All sources, the one that counts most first. */
function gather(commandLine: CommandLine, env: Environment) {
  const environment = readEnvironment(env)
  const file = readConfigFile(merge([commandLine, environment]))
  return { given: [commandLine, environment, ...(file ? [file] : []), defaults()], file }
}

function refuse(problems: readonly string[], commandLine: CommandLine): void {
  if (problems.length > 0) throw new SettingsError(problems, commandLine.problems.length > 0 ? 2 : 1)
}

function readConfigFile({ settings, sources }: Effective): ConfigFile | undefined {
  return settings.config === undefined ? undefined : new ConfigFile(settings.config).read(sources.config)
}

function withoutSwitchedOff(effective: Effective, env: Environment, warnings: string[]): Effective {
  return keys.reduce((rest, key) => {
    const off = switchedOffBy(key, env)
    if (!off || rest.settings[key] === undefined) return rest
    warnings.push(`${rest.sources[key]}: has no effect, because ${off}`)
    return withSetting(rest, key, undefined as Settings[typeof key], off)
  }, effective)
}
