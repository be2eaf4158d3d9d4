import { statSync } from 'node:fs'
import type { Tracepoint } from '../../tracepoints/define.ts'
import { readNotes } from './notes.ts'

/** Why no process of an executable could be measured, told before one runs; `undefined` if one could, or if there is no such file. */
export function faultOfExecutable(path: string, tracepoints: readonly Tracepoint[]): string | undefined {
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined
    const offered = new Set(readNotes(path).sites.map(({ provider, name }) => `${provider}:${name}`))
    if (tracepoints.some(({ probe }) => offered.has(probe))) return undefined
    return `${path} has none of the tracepoints: it takes a bitcoind with FIBRE that was built with USDT tracing`
  } catch (error) {
    return (error as Error).message
  }
}
