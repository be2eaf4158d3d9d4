import { accessSync, constants, lstatSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { Group } from '../tracepoints/define.ts'
import { defaults, type Effective, merge, spellings } from './effective.ts'
import type { Key, Settings } from './schema.ts'
import { readSettingsFile } from './secrets/files.ts'
import { type Pem, problemsOfPair } from './secrets/pem.ts'
import { automatic } from './values.ts'

/** Problems of settings with each other, or with this machine. */
export function problemsOfSettings(effective: Effective): readonly string[] {
  return [
    ...bothOrNeither(effective, 'metricsAuthUsername', 'metricsAuthPassword'),
    ...bothOrNeither(effective, 'tlsCert', 'tlsKey'),
    ...tlsPair(effective),
    ...webConfigAlone(effective),
    ...distinctPorts(effective),
    ...distinctFiles(effective),
    ...regularFiles(effective),
    ...writableLog(effective),
    ...orderedThresholds(effective),
    ...pushInTime(effective),
    ...logSource(effective),
  ]
}

function bothOrNeither({ settings, sources, failed }: Effective, one: Key, other: Key): readonly string[] {
  if (failed.has(one) || failed.has(other)) return []
  if ((settings[one] === undefined) === (settings[other] === undefined)) return []
  const [given, missing] = settings[one] === undefined ? [other, one] : [one, other]
  return [`${sources[given]}: works only together with ${spellings(missing)}; give that too, or neither`]
}

function tlsPair({ settings: { tlsCert, tlsKey }, sources }: Effective): readonly string[] {
  const problems: string[] = []
  const certificate = readPem(tlsCert, sources.tlsCert, problems)
  const key = readPem(tlsKey, sources.tlsKey, problems)
  if (!certificate || !key) return problems
  return problemsOfPair(certificate, key).map(({ of, problem }) => `${of === 'certificate' ? sources.tlsCert : sources.tlsKey}: ${problem}`)
}

function readPem(path: string | undefined, where: string, problems: string[]): Pem | undefined {
  if (path === undefined) return undefined
  const file = readSettingsFile(path)
  if ('content' in file) return { content: file.content, shown: JSON.stringify(path) }
  return void problems.push(`${where}: ${file.problem}`)
}

/** Settings that a web configuration file takes the place of. */
const REPLACED = ['metricsAuthUsername', 'metricsAuthPassword', 'metricsAuthPasswordFile', 'tlsCert', 'tlsKey'] as const

function webConfigAlone({ settings, sources }: Effective): readonly string[] {
  if (settings.webConfigFile === undefined) return []
  const given = REPLACED.filter(
    (key) => settings[key] !== undefined && !(key === 'metricsAuthPassword' && settings.metricsAuthPasswordFile),
  )
  return given.map((key) => `${sources[key]}: ${sources.webConfigFile} has users, passwords and certificates in its file; keep one of them`)
}

function distinctPorts({ settings: { port, healthPort }, sources }: Effective): readonly string[] {
  if (port === 0 || port !== healthPort) return []
  return [`${sources.port}: the metrics page and the health page (${sources.healthPort}) cannot both have port ${port}`]
}

/** Files that the agent adds lines to. */
const FILES = ['journal', 'logFile', 'record'] as const

function distinctFiles({ settings, sources }: Effective): readonly string[] {
  const written = FILES.filter((key) => settings[key] !== undefined)
  return [...Map.groupBy(written, (key) => resolve(settings[key] as string)).values()]
    .filter((keys) => keys.length > 1)
    .map(
      ([first, ...others]) =>
        `${sources[first as Key]}: ${JSON.stringify(settings[first as Key])} is also the file of ${others.map((key) => sources[key]).join(' and ')}; give each its own`,
    )
}

function regularFiles({ settings, sources }: Effective): readonly string[] {
  return FILES.flatMap((key) => {
    const path = settings[key]
    const kind = path === undefined ? undefined : kindOf(path)
    if (path === undefined || kind === undefined) return []
    const isStandardOutput = key === 'logFile' && path === '/dev/stdout'
    const wayOut = isStandardOutput ? 'leave --log-file out, the log goes to standard output anyway' : wayOutOf(kind)
    return [`${placeOf(key, sources)}: ${JSON.stringify(path)} is ${kind}, not a file; ${wayOut}`]
  })
}

/** The place where a setting is given, or could be. */
const placeOf = (key: Key, sources: Effective['sources']) => (sources[key] === 'default' ? spellings(key) : sources[key])

const LINK = 'a symbolic link'

const wayOutOf = (kind: string) => (kind === LINK ? 'name what it leads to' : 'name another')

/** The kind of what has a path, if it is neither a regular file nor missing. What cannot be looked at may become one. */
function kindOf(path: string): string | undefined {
  const stats = lookAt(path)
  if (stats === undefined || stats.isFile()) return undefined
  if (stats.isDirectory()) return 'a directory'
  if (stats.isSymbolicLink()) return LINK
  if (stats.isFIFO()) return 'a pipe'
  return stats.isSocket() ? 'a socket' : 'a device'
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}

function writableLog({ settings: { logFile }, sources }: Effective): readonly string[] {
  if (logFile === undefined || kindOf(logFile) !== undefined) return []
  try {
    const exists = lstatSync(logFile, { throwIfNoEntry: false }) !== undefined
    accessSync(exists ? logFile : `${dirname(logFile)}/.`, constants.W_OK) // the dot fails where the parent is no directory
    return []
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException
    return [`${sources.logFile}: cannot write to ${JSON.stringify(logFile)}: ${unwritable[code] ?? message}`]
  }
}

const unwritable: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist; make it, or name another file',
  ENOTDIR: 'part of its path is a file; name another',
  EACCES: 'this user may not write there; allow it, or name another file',
  EROFS: 'it is read-only there; name another file',
}

function orderedThresholds({ settings: { slowThresholdMs: slow, verySlowThresholdMs: verySlow }, sources }: Effective): readonly string[] {
  if (verySlow >= slow) return []
  const given = sources.slowThresholdMs === 'default' ? sources.verySlowThresholdMs : sources.slowThresholdMs
  return [`${given}: a very slow block (${verySlow} ms) must take at least as long as a slow one (${slow} ms); set both thresholds`]
}

function pushInTime(effective: Effective): readonly string[] {
  const late = latePush(effective)
  if (late === undefined) return []
  const wayOut = `set ${late.mostMs / 1000} s at most, a longer interval, or no timeout`
  const where = effective.sources.otlpTimeoutMs
  return [`${where}: a push that may take ${late.timeoutMs / 1000} s cannot be over before the next, after ${late.next}; ${wayOut}`]
}

/** The timeout of pushes, and the longest that the interval has room for, where it has none for that timeout. */
export function latePush({ settings, sources, failed }: Effective) {
  const { otlpEndpoint, otlpIntervalMs: intervalMs, otlpTimeoutMs: timeoutMs } = settings
  if (otlpEndpoint === undefined || timeoutMs === undefined || failed.has('otlpIntervalMs')) return undefined
  const mostMs = longestPushMs(intervalMs)
  const next = `${intervalMs / 1000} s (${placeOf('otlpIntervalMs', sources)})`
  return timeoutMs <= mostMs ? undefined : { timeoutMs, mostMs, next }
}

/** Returns the time that a push may take at an interval: it ends before the next one begins. */
export function longestPushMs(intervalMs: number): number {
  return Math.floor((9 * intervalMs) / 10)
}

/** Warnings of settings that do not do what many expect of them. */
export function warningsOfSettings({ settings, sources }: Effective): readonly string[] {
  const blockless = blocklessTracepoints(settings)
  return blockless === undefined ? [] : [`${sources.tracepoints}: ${blockless}`]
}

/** What tells of blocks: the other groups tell of no block that it was connected. */
const OF_BLOCKS: readonly Group[] = ['fibre', 'validation']

/** Why no block is measured with these groups of tracepoints, and the way out, if so. */
export function blocklessTracepoints({ tracepoints }: Pick<Settings, 'tracepoints'>): string | undefined {
  if (tracepoints.some((group) => OF_BLOCKS.includes(group))) return undefined
  const all = ['auto', ...tracepoints.filter((group) => !automatic.includes(group))].join(',')
  return `no blocks are measured by ${tracepoints.join(',')} alone, without validation (and fibre, of a node with FIBRE); ${all} measures them too`
}

/** Settings of how the kernel measures. */
const OF_KERNEL = ['ringSize', 'countRuns', 'dropCapabilities'] as const
/** Settings that choose processes. */
const OF_PROCESSES = ['bitcoind', 'pid', 'nodes', 'users'] as const
/** Groups of which debug.log tells something. */
const LOGGED: readonly Group[] = ['fibre', 'validation', 'net']

function logSource({ settings, sources }: Effective): readonly string[] {
  const { source, debugLog, tracepoints } = settings
  if (source === 'kernel') return debugLog === undefined ? [] : [`${sources.debugLog}: works only together with --source log`]
  const byDefault = merge([defaults()]).settings
  const isChanged = (key: Key) => !isDeepStrictEqual(settings[key], byDefault[key])
  const unlogged = tracepoints.filter((group) => !LOGGED.includes(group))
  const ofProcesses = debugLog === undefined ? [] : OF_PROCESSES.filter(isChanged)
  return [
    ...OF_KERNEL.filter(isChanged).map(
      (key) => `${sources[key]}: has no effect with ${sources.source}: the kernel is not used; leave it out`,
    ),
    ...(unlogged.length > 0 ? [`${sources.tracepoints}: debug.log tells nothing of ${unlogged.join(', ')} (${sources.source})`] : []),
    ...ofProcesses.map((key) => `${sources[key]}: no process is looked for with ${sources.debugLog}; leave one of them out`),
  ]
}
