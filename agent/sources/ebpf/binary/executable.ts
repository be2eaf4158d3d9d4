import { statSync } from 'node:fs'
import type { Tracepoint } from '../../../tracepoints/define.ts'
import { type Notes, readNotes } from './notes.ts'

/** Reads which tracepoints an executable has, those that the agent does not know among them. */
export function readProbes(path: string): ReadonlySet<string> {
  return probesOf(readNotes(path))
}

/** Whether an executable has any of the tracepoints. */
export function offersTracepoints(path: string, tracepoints: readonly Tracepoint[]): boolean {
  return offersAny(readNotes(path), tracepoints)
}

export function offersAny(notes: Notes, tracepoints: readonly Tracepoint[]): boolean {
  const offered = probesOf(notes)
  return tracepoints.some(({ probe }) => offered.has(probe))
}

const probesOf = ({ sites }: Notes): ReadonlySet<string> => new Set(sites.map(({ provider, name }) => `${provider}:${name}`))

/** Why no process of an executable could be measured, told before one runs; `undefined` if one could, or if there is no such file. */
export function faultOfExecutable(path: string, tracepoints: readonly Tracepoint[]): string | undefined {
  try {
    if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined
    if (offersTracepoints(path, tracepoints)) return undefined
    return `${path} has none of the tracepoints: it takes a bitcoind that was built with USDT tracing`
  } catch (error) {
    return (error as Error).message
  }
}
