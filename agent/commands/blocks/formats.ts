import type { BlockRecord, RecordFieldName } from '../../blocks/record.ts'
import { recordFields } from '../../blocks/record-fields.ts'
import { escapeControls } from '../../escape.ts'

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

const names = Object.keys(recordFields) as RecordFieldName[]

/** Records by RFC 4180: a header of all fields, and a line for each, whose cell is empty where a field is not known. */
export function* csvLines(records: Iterable<BlockRecord>): Generator<string> {
  yield csvLine(names)
  for (const record of records) yield csvLine(names.map((name) => cell(record[name])))
}

function csvLine(cells: readonly string[]): string {
  return `${cells.join(',')}\r\n`
}

function cell(value: string | number | boolean | undefined): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value)
  const text = escapeControls(withoutFormula(value))
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A spreadsheet would run a text that begins so as a formula; the apostrophe says that it is a text (owasp.org, CSV injection). */
function withoutFormula(text: string): string {
  return /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text
}
