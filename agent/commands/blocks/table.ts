import stringWidth from 'string-width'
import type { BlockRecord } from '../../blocks/record.ts'
import { escapeUnseen } from '../../escape.ts'
import { type Column, columns } from './columns.ts'
import { cut, type Style, type Terminal } from './terminal.ts'

/** So many rows are laid out together. Should later ones need more width, columns become wider there. */
const ROWS = 500
const GAP = '  '
const LONGEST_CELL = 64
const UNKNOWN = '-'

interface Cell {
  readonly text: string
  readonly width: number
  readonly style: Style | undefined
}

/** A table that fits the terminal: where room is short, less important columns are left out. Nothing at all without records. */
export function* tableLines(records: Iterable<BlockRecord>, terminal: Terminal): Generator<string> {
  const heads = columns.map(({ title }) => cellOf(title, 'bold'))
  let widths: readonly number[] = heads.map(({ width }) => width)
  let shown: ReadonlySet<Column> | undefined
  for (const batch of batches(records)) {
    const rows = batch.map((record) => cellsOf(record, terminal))
    widths = widths.map((width, index) => Math.max(width, ...rows.map((row) => row[index]?.width ?? 0)))
    const isFirst = shown === undefined
    shown ??= shownColumns(rows, widths, terminal.columns)
    for (const row of isFirst ? [heads, ...rows] : rows) yield lineOf(row, widths, shown, terminal)
  }
}

function* batches(records: Iterable<BlockRecord>): Generator<readonly BlockRecord[]> {
  let batch: BlockRecord[] = []
  for (const record of records) {
    batch.push(record)
    if (batch.length < ROWS) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

function cellsOf(record: BlockRecord, { columns: room, thresholds }: Terminal): readonly Cell[] {
  return columns.map(({ text, style }) => {
    const shown = text(record, room === undefined)
    return shown === undefined ? cellOf(UNKNOWN, 'dim') : cellOf(shown, style?.(record, thresholds))
  })
}

function cellOf(foreign: string, style: Style | undefined): Cell {
  const text = cut(escapeUnseen(foreign), LONGEST_CELL)
  return { text, width: stringWidth(text), style }
}

/** The most important columns, as many as there is room for, and one at least. */
function shownColumns(rows: readonly (readonly Cell[])[], widths: readonly number[], room = Number.POSITIVE_INFINITY): ReadonlySet<Column> {
  const byRank = columns
    .map((column, index) => {
      const isAlike = rows.every((row) => row[index]?.text === rows[0]?.[index]?.text)
      const isUnknown = isAlike && rows[0]?.[index]?.text === UNKNOWN
      const isOmitted = (column.isOmittedAlike && isAlike) || (column.isOmittedUnknown && isUnknown)
      return { column, width: widths[index] ?? 0, rank: isOmitted ? columns.length : column.rank }
    })
    .sort((a, b) => a.rank - b.rank)
  const shown = new Set<Column>()
  let left = room + GAP.length
  for (const { column, width } of byRank) {
    left -= width + GAP.length
    if (left < 0 && shown.size > 0) break
    shown.add(column)
  }
  return shown
}

function lineOf(cells: readonly Cell[], widths: readonly number[], shown: ReadonlySet<Column>, { paint }: Terminal): string {
  const padded = columns.flatMap((column, index) => {
    const cell = cells[index]
    if (cell === undefined || !shown.has(column)) return []
    const { text, width, style } = cell
    const padding = ' '.repeat((widths[index] ?? 0) - width)
    return column.isNumber ? padding + paint(style, text) : paint(style, text) + padding
  })
  return `${padded.join(GAP).trimEnd()}\n`
}
