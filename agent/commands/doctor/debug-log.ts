import { resolve } from 'node:path'
import { type OptionsFile, readConfiguration, readOptionsFile } from '../../bitcoind/proc/data.ts'
import type { Options } from '../../bitcoind/proc/options.ts'
import { ifReadable } from '../../bitcoind/proc/read.ts'
import type { Found } from '../../bitcoind/search.ts'
import type { Settings } from '../../settings/schema.ts'
import { readProbes } from '../../sources/ebpf/binary/executable.ts'
import { logSettings } from '../../sources/log/log-settings.ts'
import { isFibreBuild } from '../../tracepoints/index.ts'
import type { Finding } from './finding.ts'
import { readVersion, showsFibre } from './version.ts'

const area = 'debug log'

/** Categories of debug= whose lines are worth reading, and what is missing without them. Metrics need none of them but where it is said. */
const categories = {
  bench: 'without it debug.log does not tell how long connecting a block took; metrics do not need it',
  cmpctblock: 'without it debug.log does not tell how many transactions of a compact block were missing; metrics do not need it',
} as const
/** Of a node with FIBRE. Bitcoin Core has no udpnet, and does not start with a category that it does not have. */
const categoriesOfFibre = {
  ...categories,
  bench:
    'without it debug.log has no lines of races and reconstructions for the dashboard of logs, and some FIBRE builds do not fire udp:block_header_chunk',
  udpnet: 'without it debug.log does not tell of UDP peers that come and go; metrics do not need it',
} as const
const orderOfLines = 'lines of the same second may change their order on the way to Loki'

/** Of an agent that measures by debug.log, categories are what metrics need. */
const categoriesOfSource = {
  bench: 'without it debug.log has no durations of connecting',
  cmpctblock: `without it ${logSettings.cmpctblock.without}`,
  net: `without it ${logSettings.net.without}`,
} as const
const categoriesOfFibreSource = {
  ...categoriesOfSource,
  bench: `without it ${logSettings.bench.without}`,
  udpnet: categoriesOfFibre.udpnet,
} as const

type Source = Settings['source']

/** Judges what the debug.log of a process has, by its command line, settings.json and configuration files. */
export function judgeDebugLog({ pid, chainDirectory }: Pick<Found, 'pid' | 'chainDirectory'>, source: Source): readonly Finding[] {
  const directory = `/proc/${pid}`
  try {
    const { options: given, files } = readConfiguration(directory)
    const settings = readSettings(directory, given, chainDirectory)
    const options = settings?.text ? given.withSettings(settings.text) : given
    const log = `${directory}/root${resolve(chainDirectory, options.value('debuglogfile') || 'debug.log')}`
    const version = readVersion(log)
    const hasFibre = ifReadable(() => isFibreBuild(readProbes(`${directory}/exe`))) ?? showsFibre(log)
    return [
      version === undefined
        ? { area, level: 'note', what: `pid ${pid}: its version is not known, for no debug.log of it could be read that tells` }
        : { area, level: 'ok', what: `pid ${pid}: ${version}` },
      ...files.map((file) => judgeFile(pid, file)),
      ...(settings && settings.fault !== 'ENOENT' ? [judgeFile(pid, settings)] : []),
      ...judgeOptions(pid, options, source, hasFibre),
    ]
  } catch (error) {
    return [{ area, level: 'note', what: `pid ${pid}: its options could not be read (${(error as Error).message})` }]
  }
}

/** bitcoind writes it itself, in the directory of its chain; `undefined` where it may not. */
function readSettings(directory: string, options: Options, chainDirectory: string): OptionsFile | undefined {
  if (options.isNegated('settings')) return undefined
  return readOptionsFile(directory, resolve(chainDirectory, options.value('settings') || 'settings.json'))
}

function judgeFile(pid: number, { path, fault }: OptionsFile): Finding {
  if (fault === undefined) return { area, level: 'ok', what: `pid ${pid}: options of ${path}` }
  return { area, level: 'note', what: `pid ${pid}: ${path} ${fault === 'ENOENT' ? 'is not there' : `could not be read (${fault})`}` }
}

/** Judges what options make of debug.log, for the Collector or for an agent that measures by it. */
export function judgeOptions(pid: number, options: Options, source: Source, hasFibre: boolean): readonly Finding[] {
  if (options.isNegated('debuglogfile')) {
    const why = 'the Collector has nothing to read; metrics do not need it'
    const todo = 'have the Collector read what bitcoind prints (collector/README.md)'
    return [{ area, level: 'note', what: `pid ${pid}: no debug.log is written`, why, todo }]
  }
  const isOn = enabledCategories(options)
  const recommended = Object.entries(categoriesFor(source, hasFibre || options.values('debug').includes('udpnet')))
  const on = recommended.flatMap(([name]) => (isOn(name) ? [name] : []))
  const findings = recommended.flatMap(([name, why]) => (isOn(name) ? [] : [lacking(pid, `debug=${name}`, why)]))
  if (on.length > 0) findings.unshift({ area, level: 'ok', what: `pid ${pid}: debug=${on.join(', ')}` })
  if (!isTrue(options.value('logtimemicros')))
    findings.push(lacking(pid, 'logtimemicros=1', source === 'log' ? logSettings.micros.without : orderOfLines))
  if (isTrue(options.value('shrinkdebugfile'))) {
    const why = 'bitcoind cuts the file when it starts, and lines come twice'
    findings.push({ area, level: 'note', what: `pid ${pid}: shrinkdebugfile=1 is set`, why, todo: 'shrinkdebugfile=0 in bitcoin.conf' })
  }
  return findings
}

function categoriesFor(source: Source, hasFibre: boolean): Readonly<Record<string, string>> {
  if (source === 'log') return hasFibre ? categoriesOfFibreSource : categoriesOfSource
  return hasFibre ? categoriesOfFibre : categories
}

function lacking(pid: number, setting: string, why: string): Finding {
  return { area, level: 'note', what: `pid ${pid}: ${setting} is not set`, why, todo: `${setting} in bitcoin.conf` }
}

/** As bitcoind reads them (init/common.cpp): `none` and `0` take back what came before, and `debugexclude` comes last. */
function enabledCategories(options: Options): (name: string) => boolean {
  const given = options.values('debug')
  const included = new Set(given.slice(given.findLastIndex((name) => name === 'none' || name === '0') + 1))
  const excluded = new Set(options.values('debugexclude'))
  const names = (set: ReadonlySet<string>, name: string) => [name, 'all', '1', ''].some((one) => set.has(one))
  return (name) => names(included, name) && !names(excluded, name)
}

const isTrue = (value: string | undefined) => value !== undefined && value !== '0'
