import { tracepoints as known } from '../../tracepoints/index.ts'
import type { BinaryTracepoints, OfferedArgument } from './binary.ts'

/** Lays out the tracepoints of an executable for people. */
export function* binaryLines({ executable, pid, user, machine, tracepoints, missing }: BinaryTracepoints): Generator<string> {
  const used = tracepoints.filter((tracepoint) => tracepoint.used).length
  const who = pid === undefined ? executable : `pid ${pid}: ${executable}${user === undefined ? '' : ` of ${user}`}`
  yield `${who} (${machine})\n`
  if (tracepoints.length === 0) yield '  has no tracepoints: it was built without USDT tracing\n'
  else yield `  ${tracepoints.length} tracepoints, of which the agent uses ${used}\n`
  for (const { probe, description, places, arguments: given } of tracepoints) {
    yield `\n  ${probe}${places > 1 ? ` (${places} places)` : ''}\n`
    yield `    ${description === undefined ? 'not used' : `used: ${description}`}\n`
    yield* table(given.map(cellsOf))
  }
  if (tracepoints.length > 0 && missing.length > 0)
    yield `\n  missing, although every node of this kind has it:\n${missing.map((probe) => `    ${probe}\n`).join('')}`
}

/** Lays out the tracepoints that the agent knows, for where there is no executable to look at. */
export function* knownLines(): Generator<string> {
  for (const { probe, args, required, description } of known)
    yield `  ${probe}(${Object.keys(args).join(', ')})${required ? '  required' : ''}\n    ${description}\n`
}

function cellsOf({ name, kind, bytes, signed, where, unreadable, meaning }: OfferedArgument, index: number): readonly string[] {
  return [
    name ?? `argument ${index + 1}`,
    kind ?? (signed ? 'signed' : 'unsigned'),
    `${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`,
    unreadable === undefined ? where : `${where} (cannot be read: ${unreadable})`,
    meaning ?? '',
  ]
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map(
    (row) =>
      `      ${row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd()}\n`,
  )
}
