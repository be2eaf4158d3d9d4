import stringWidth from 'string-width'
import type { BlockRecord } from '../../blocks/record.ts'
import { escapeUnseen } from '../../escape.ts'
import { type Column, columns, type Form, KEPT_COLUMNS, KEPT_RANK } from './columns.ts'
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

/** A table that fits the terminal: where room is short, cells are shortened and less important columns are left out. Nothing at all without records. */
export function* tableLines(records: Iterable<BlockRecord>, terminal: Terminal): Generator<string> {
  let layout: Layout | undefined
  for (const batch of batches(records)) {
    const isFirst = layout === undefined
    layout = layout ? extend(layout, batch, terminal) : layOut(batch, terminal)
    for (const row of isFirst ? [heads, ...layout.rows] : layout.rows) yield lineOf(row, layout, terminal)
  }
}

const heads = columns.map(({ title }) => cellOf(title, 'bold'))

interface Layout {
  readonly form: Form
  readonly rows: readonly (readonly Cell[])[]
  readonly widths: readonly number[]
  readonly shown: ReadonlySet<Column>
}

function layOut(batch: readonly BlockRecord[], terminal: Terminal): Layout {
  const layoutOf = (form: Form) => {
    const rows = batch.map((record) => cellsOf(record, form, terminal))
    const widths = widthsOf([heads, ...rows])
    return { form, rows, widths, ...shownColumns(rows, widths, terminal.columns) }
  }
  if (terminal.columns === undefined) return layoutOf('whole')
  const usual = layoutOf('usual')
  return usual.lacksKept ? layoutOf('short') : usual
}

/** Later rows are laid out as the first ones; columns may become wider. */
function extend({ form, widths, shown }: Layout, batch: readonly BlockRecord[], terminal: Terminal): Layout {
  const rows = batch.map((record) => cellsOf(record, form, terminal))
  return { form, rows, widths: widthsOf(rows, widths), shown }
}

function widthsOf(rows: readonly (readonly Cell[])[], least: readonly number[] = []): readonly number[] {
  return columns.map((_, index) => Math.max(least[index] ?? 0, ...rows.map((row) => row[index]?.width ?? 0)))
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

function cellsOf(record: BlockRecord, form: Form, { thresholds }: Terminal): readonly Cell[] {
  return columns.map(({ text, style }) => {
    const shown = text(record, form)
    return shown === undefined ? cellOf(UNKNOWN, 'dim') : cellOf(shown, style?.(record, thresholds))
  })
}

function cellOf(foreign: string, style: Style | undefined): Cell {
  const text = cut(escapeUnseen(foreign), LONGEST_CELL)
  return { text, width: stringWidth(text), style }
}

/**
 * The most important columns, as many as there is room for, and one at least; and whether one is missing that is to be kept.
 * Where room is bounded, a column that no row knows is left out, as of FIBRE on a node without.
 */
function shownColumns(rows: readonly (readonly Cell[])[], widths: readonly number[], room = Number.POSITIVE_INFINITY) {
  const byRank = columns
    .map((column, index) => {
      const isAlike = rows.every((row) => row[index]?.text === rows[0]?.[index]?.text)
      const isUnknown = isAlike && rows[0]?.[index]?.text === UNKNOWN
      return { column, isUnknown, width: widths[index] ?? 0, rank: column.isOmittedAlike && isAlike ? columns.length : column.rank }
    })
    .filter(({ isUnknown }) => !isUnknown || room === Number.POSITIVE_INFINITY)
    .sort((a, b) => a.rank - b.rank)
  const shown = new Set<Column>()
  let left = room + GAP.length
  let lacksKept = false
  for (const [index, { column, width, rank }] of byRank.entries()) {
    const needed = width + GAP.length
    if (needed > left && shown.size > 0) {
      lacksKept ||= rank <= KEPT_RANK || index < KEPT_COLUMNS
      if (rank < KEPT_RANK || index < KEPT_COLUMNS - 1) continue // a later one that is kept may be narrower
      break
    }
    left -= needed
    shown.add(column)
  }
  return { shown, lacksKept }
}

function lineOf(cells: readonly Cell[], { widths, shown }: Layout, { paint }: Terminal): string {
  const padded = columns.flatMap((column, index) => {
    const cell = cells[index]
    if (cell === undefined || !shown.has(column)) return []
    const { text, width, style } = cell
    const padding = ' '.repeat((widths[index] ?? 0) - width)
    return column.isNumber ? padding + paint(style, text) : paint(style, text) + padding
  })
  return `${padded.join(GAP).trimEnd()}\n`
}
