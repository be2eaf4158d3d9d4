import stringWidth from 'string-width'
import type { BlockRecord, RecordFieldName } from '../../blocks/record.ts'
import { recordFields } from '../../blocks/record-fields.ts'
import { escapeUnseen } from '../../escape.ts'
import { cut, type Terminal, wrapped } from './terminal.ts'

const names = Object.keys(recordFields) as RecordFieldName[]

const VALUE_COLUMN = Math.max(...names.map((name) => name.length)) + 2
/** Behind values as long as a time. Where that leaves no room, and behind longer values, meanings stand below. */
const MEANING_COLUMN = VALUE_COLUMN + 29
const LEAST_MEANING = 40
const LONGEST_VALUE = 512

/** A whole record: each field that is known, its value, and what it means. */
export function* sheetLines(record: BlockRecord, { columns = 120, paint }: Terminal): Generator<string> {
  const meaningColumn = [MEANING_COLUMN, VALUE_COLUMN].find((column) => columns - column >= LEAST_MEANING) ?? 2
  for (const name of names) {
    const known = record[name]
    if (known === undefined) continue
    const value = cut(escapeUnseen(String(known)), LONGEST_VALUE)
    const end = VALUE_COLUMN + stringWidth(value) + 2
    const meaning = wrapped(recordFields[name].meaning.replaceAll('`', ''), columns - meaningColumn).map((line) => paint('dim', line))
    const beside = end <= meaningColumn ? ' '.repeat(meaningColumn - VALUE_COLUMN - stringWidth(value)) + meaning.shift() : ''
    yield `${paint('bold', name.padEnd(VALUE_COLUMN))}${value}${beside}\n`
    for (const line of meaning) yield `${' '.repeat(meaningColumn)}${line}\n`
  }
  const unknown = names.filter((name) => record[name] === undefined)
  if (unknown.length > 0) yield `\n${wrapped(`Not known: ${unknown.join(', ')}`, columns).join('\n')}\n`
}
