import { existsSync, type Stats } from 'node:fs'
import { latePush, problemsOfSettings, warningsOfSettings } from './check.ts'
import { ConfigFile } from './config-file.ts'
import { defaults, type Effective, merge, withSetting } from './effective.ts'
import { type Environment, problemsOfPushing, proxyOf, readEnvironment, switchedOffBy } from './environment.ts'
import { type Key, keys, type Settings, usualConfig } from './schema.ts'
import { withHeadersFile } from './secrets/headers-file.ts'
import { withPasswordFile } from './secrets/password-file.ts'
import type { Source } from './source.ts'
import { readWebConfig } from './web-config/web-config.ts'

export type { Environment } from './environment.ts'
export type { Settings } from './schema.ts'

/** Settings, and what belongs to them. */
export interface LoadedSettings {
  readonly settings: Settings
  /** The source of each setting. */
  readonly sources: Readonly<Record<Key, string>>
  /** Settings as their options' types read them. */
  readonly written: Effective['written']
  readonly warnings: readonly string[]
  /** The environment's HTTP_PROXY, HTTPS_PROXY and NO_PROXY. */
  readonly proxy: Readonly<Record<string, string>>
}

/** Every reason why nothing is started with these settings. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  readonly problems: readonly string[]
  readonly exitCode = 2

  constructor(problems: readonly string[]) {
    super(['These settings cannot be used:', ...problems.map((problem) => `  ${problem}`), 'All settings: fibre-agent --help'].join('\n'))
    this.problems = problems
  }
}

/** Puts the settings together: command line over environment over configuration file over default. */
export function loadSettings(commandLine: Source, env: Environment = process.env): LoadedSettings {
  const { given, file } = gather(commandLine, env)
  const problems = given.flatMap((source) => source.problems)
  const warnings = given.flatMap((source) => source.warnings)

  const read = withHeadersFile(withPasswordFile(merge(given), problems), problems)
  const effective = withTimeoutInTime(withoutSwitchedOff(read, env, warnings), warnings)
  // Half of a pair may stand in the file that could not be read.
  if (!file?.isUnusable) problems.push(...problemsOfSettings(effective))
  if (effective.settings.otlpEndpoint) problems.push(...problemsOfPushing(env))
  checkWebConfig(effective, problems, warnings)
  refuse(problems)
  warnings.push(...warningsOfSettings(effective))

  const { settings, sources, written } = effective
  return { settings, sources, written, warnings, proxy: proxyOf(env) }
}

function checkWebConfig({ settings: { webConfigFile }, sources }: Effective, problems: string[], warnings: string[]): void {
  if (webConfigFile === undefined) return
  const read = readWebConfig(webConfigFile)
  if ('config' in read) warnings.push(...read.config.warnings)
  else problems.push(...read.problems.map((problem) => `${sources.webConfigFile}: ${problem}`))
}

/** Settings for a command that only reads: whether an agent could run with them does not matter to it. */
export function readSettings(commandLine: Source, env: Environment = process.env): Settings {
  const { given } = gather(commandLine, env)
  refuse(given.flatMap((source) => source.problems))
  return merge(given).settings
}

/** Whether the environment wants no colours in a terminal (no-color.org). */
export function isColourUnwanted(env: Environment = process.env): boolean {
  return Boolean(env.NO_COLOR)
}

/** The columns that the environment gives a terminal, by the variable that shells use. */
export function columnsByEnvironment(env: Environment = process.env): number | undefined {
  return /^[1-9]\d{0,4}$/.test(env.COLUMNS ?? '') ? Number(env.COLUMNS) : undefined
}

/** All sources, the one that counts most first. */
function gather(commandLine: Source, env: Environment) {
  const environment = readEnvironment(env)
  const file = readConfigFile(merge([commandLine, environment]))
  return { given: [commandLine, environment, ...(file ? [file] : []), defaults()], file }
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw new SettingsError(problems)
}

/** Whether an agent waits for a node where none runs. No other process can become the one that a pid names, so for that it takes being told. */
export function waitsForNode({ settings: { pid, waitForTarget }, sources }: LoadedSettings): boolean {
  return waitForTarget && (pid === 0 || sources.waitForTarget !== 'default')
}

/** Whether the service manager that started this process wants to hear of it (sd_notify(3)). */
export function isServiceManagerListening(env: Environment = process.env): boolean {
  return Boolean(env.NOTIFY_SOCKET)
}

/** Whether an open file is the way to systemd's journal, as the service manager opened it for this process (systemd.exec(5)). */
export function isJournal({ dev, ino }: Pick<Stats, 'dev' | 'ino'>, env: Environment = process.env): boolean {
  return env.JOURNAL_STREAM === `${dev}:${ino}`
}

function readConfigFile({ settings: { config }, sources }: Effective): ConfigFile | undefined {
  if (config === 'none') return undefined
  if (config !== undefined) return new ConfigFile(config).read(sources.config)
  return existsSync(usualConfig) ? new ConfigFile(usualConfig).read('--config none reads none') : undefined
}

/** OpenTelemetry's variables are often set for a whole machine, where other programs push less often: a timeout of theirs is shortened. */
function withTimeoutInTime(effective: Effective, warnings: string[]): Effective {
  const where = effective.sources.otlpTimeoutMs
  const late = where.startsWith('OTEL_') ? latePush(effective) : undefined
  if (late === undefined) return effective
  const seconds = String(late.mostMs / 1000)
  warnings.push(
    `${where}: a push may take ${seconds} s instead of ${late.timeoutMs / 1000} s, to be over before the next, after ${late.next}`,
  )
  return withSetting(effective, 'otlpTimeoutMs', late.mostMs, where, seconds)
}

function withoutSwitchedOff(effective: Effective, env: Environment, warnings: string[]): Effective {
  return keys.reduce((rest, key) => {
    const off = switchedOffBy(key, env)
    if (!off || rest.settings[key] === undefined) return rest
    warnings.push(`${rest.sources[key]}: has no effect, because ${off}`)
    return withSetting(rest, key, undefined as Settings[typeof key], off)
  }, effective)
}
