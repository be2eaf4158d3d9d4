import { accessSync, constants, lstatSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Effective, spellings } from './effective.ts'
import type { Key } from './schema.ts'
import { readSettingsFile } from './secrets/files.ts'

/** Problems of settings with each other, or with this machine. */
export function problemsOfSettings(effective: Effective): readonly string[] {
  return [
    ...bothOrNeither(effective, 'metricsAuthUsername', 'metricsAuthPassword'),
    ...bothOrNeither(effective, 'tlsCert', 'tlsKey'),
    ...tlsPair(effective),
    ...distinctPorts(effective),
    ...distinctFiles(effective),
    ...regularFiles(effective),
    ...writableLog(effective),
    ...orderedThresholds(effective),
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
  if (!tlsCert && !tlsKey) return problems
  const { createPrivateKey, X509Certificate } = process.getBuiltinModule('node:crypto')
  const certificate = tlsCert && parsePem(tlsCert, sources.tlsCert, 'certificate', (pem) => new X509Certificate(pem), problems)
  const key = tlsKey && parsePem(tlsKey, sources.tlsKey, 'unencrypted private key', createPrivateKey, problems)
  if (!certificate || !key) return problems
  if (!certificate.parsed.checkPrivateKey(key.parsed)) return [`${sources.tlsKey}: ${tlsKey} is not the key of the certificate ${tlsCert}`]
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert: certificate.pem, key: key.pem })
    return []
  } catch (error) {
    return [`${sources.tlsCert}: ${tlsCert} cannot be served: ${(error as Error).message}`]
  }
}

function parsePem<T>(path: string, where: string, what: string, parse: (pem: string) => T, problems: string[]) {
  const file = readSettingsFile(path)
  if ('problem' in file) return void problems.push(`${where}: ${file.problem}`)
  try {
    return { pem: file.content, parsed: parse(file.content) }
  } catch {
    return void problems.push(`${where}: ${JSON.stringify(path)} holds no ${what} in PEM`)
  }
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
    const where = sources[key] === 'default' ? spellings(key) : sources[key]
    return [`${where}: ${JSON.stringify(path)} is ${kind}, not a file; ${wayOut}`]
  })
}

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
