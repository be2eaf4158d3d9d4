import { closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Options } from '../../bitcoind/proc/options.ts'
import { ifReadable, readRegularFile, readStart } from '../../bitcoind/proc/read.ts'
import type { Found } from '../../bitcoind/search.ts'
import type { Finding } from './finding.ts'

const area = 'debug log'
const MOST_BYTES = 256 * 1024
const MOST_LOG_BYTES = 4 * 1024 * 1024

/** Reads the options of a process, as its command line and its bitcoin.conf give them, and judges what its debug.log will have. */
export function judgeDebugLog({ pid, dataDirectory, chainDirectory }: Found): readonly Finding[] {
  const words =
    ifReadable(() => readStart(`/proc/${pid}/cmdline`, MOST_BYTES))
      ?.split('\0')
      .slice(1) ?? []
  const commandLine = Options.ofCommandLine(words)
  const path = join(dataDirectory, commandLine.value('conf') || 'bitcoin.conf')
  const text = ifReadable(() => readRegularFile(`/proc/${pid}/root${path}`, MOST_BYTES))
  const unread: Finding = { area, level: 'note', what: `pid ${pid}: ${path} is not there or could not be read` }
  const log = ifReadable(() => readEnd(`/proc/${pid}/root${join(chainDirectory, 'debug.log')}`))
  const version = log === undefined ? undefined : versionIn(log)
  return [
    version === undefined
      ? { area, level: 'note', what: `pid ${pid}: the end of debug.log does not tell its version` }
      : { area, level: 'ok', what: `pid ${pid}: ${version}` },
    ...(text === undefined ? [unread] : []),
    ...judgeOptions(pid, commandLine.withFile(text ?? ''), [...words, ...(text ?? '').split('\n')]),
  ]
}

/** The version that bitcoind wrote at its last start. It is not asked: nothing of another user is executed. */
export function versionIn(log: string): string | undefined {
  return log
    .match(/^\S+ (?:\[[^\]]*\] )*(Bitcoin .*? version \S+)/gm)
    ?.at(-1)
    ?.replace(/^.*?(?=Bitcoin )/, '')
}

/** The end of a file that grows. */
function readEnd(path: string): string {
  // A process of any user may be called bitcoind: anything but a file could make this one wait.
  const file = statSync(path)
  if (!file.isFile()) return ''
  const { size } = file
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const bytes = Buffer.alloc(Math.min(size, MOST_LOG_BYTES))
    return bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, size - bytes.length))
  } finally {
    closeSync(fd)
  }
}

/** Judges options; `lines` are all that were given, since debug= may be given several times. */
export function judgeOptions(pid: number, options: Options, lines: readonly string[]): readonly Finding[] {
  const categories = lines
    .flatMap((line) => /^\s*-{0,2}debug(?:=([\w]*))?\s*(?:#.*)?$/.exec(line)?.slice(1, 2) ?? [])
    .map((name) => name || 'all')
  const hasBench = categories.some((name) => ['bench', 'all', '1'].includes(name))
  const hasMicros = options.value('logtimemicros') === '1'
  const findings: Finding[] = []
  if (options.value('debuglogfile') === '0' || ['', '1'].includes(options.value('nodebuglogfile') ?? '0'))
    findings.push({
      area,
      level: 'note',
      what: `pid ${pid}: no debug.log is written`,
      why: 'the Collector has nothing to read; metrics do not need it',
      todo: 'have the Collector read what bitcoind prints (collector/README.md)',
    })
  if (hasBench) findings.push({ area, level: 'ok', what: `pid ${pid}: debug=${categories.join(', ')}` })
  else
    findings.push({
      area,
      level: 'note',
      what: `pid ${pid}: debug=bench is not set`,
      why: 'debug.log then has no lines of races; metrics do not need them, the dashboard of logs does',
      todo: 'debug=bench in bitcoin.conf',
    })
  if (!hasMicros)
    findings.push({
      area,
      level: 'note',
      what: `pid ${pid}: logtimemicros=1 is not set`,
      why: 'lines of the same second may change their order on the way to Loki',
      todo: 'logtimemicros=1 in bitcoin.conf',
    })
  return findings
}
