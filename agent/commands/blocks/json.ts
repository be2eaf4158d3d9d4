import type { BlockRecord } from '../../blocks/record.ts'
import { escapeControls } from './text.ts'

/** JSON on one line, harmless on a terminal: control characters that JSON would allow are escaped too. */
export function jsonText(value: unknown): string {
  return escapeControls(JSON.stringify(value))
}

/** One array, a record on each of its lines. */
export function* jsonLines(records: Iterable<BlockRecord>): Generator<string> {
  let before = '['
  for (const record of records) {
    yield `${before}\n${jsonText(record)}`
    before = ','
  }
  yield before === '[' ? '[]\n' : '\n]\n'
}

export function* ndjsonLines(records: Iterable<BlockRecord>): Generator<string> {
  for (const record of records) yield `${jsonText(record)}\n`
}
