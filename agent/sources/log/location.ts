import { resolve } from 'node:path'
import { findData, readConfiguration } from '../../bitcoind/proc/data.ts'
import { sharesNamespace } from '../../bitcoind/proc/proc.ts'

/** Returns the path of the debug.log of a process, as this one sees it. Throws where it writes none, or does not tell where. */
export function debugLogOf(pid: number): string {
  const directory = `/proc/${pid}`
  const data = findData(directory)
  if (data === undefined) throw new Error(`pid ${pid} has ended, or does not tell where its data is`)
  const { options } = readConfiguration(directory)
  if (options.isNegated('debuglogfile')) throw new Error('bitcoind writes no debug.log: take nodebuglogfile out of its options')
  const path = resolve(data.chainDirectory, options.value('debuglogfile') || 'debug.log')
  return sharesNamespace('mnt', '/proc', pid) ? path : `${directory}/root${path}`
}
