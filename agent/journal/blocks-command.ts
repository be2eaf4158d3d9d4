import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { BlockRecord } from '../blocks/record.ts'
import type { SlowThresholds } from '../blocks/severity.ts'
import { summarise } from '../blocks/summary.ts'
import { summaryJson } from '../blocks/summary-json.ts'
import { blocksHelp } from './blocks-help.ts'
import { csvLines } from './csv.ts'
import { jsonLines, jsonText, ndjsonLines } from './json.ts'
import { type Query, QueryError, readQuery } from './query.ts'
import { JournalError } from './read.ts'
import { lines, select, type Tally } from './select.ts'
import { sheetLines } from './sheet.ts'
import { summaryLines } from './summary-lines.ts'
import { tableLines } from './table.ts'
import { inColour, plain, type Terminal } from './terminal.ts'

export interface BlocksCommandOptions {
  /** The journal's file by the settings; `undefined` if they want none. */
  readonly journal: string | undefined
  readonly thresholds: SlowThresholds
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: NodeJS.WritableStream
  readonly now: Date
  readonly noColor: boolean
}

/** Answers `fibre-agent blocks …` from the journal. Returns the exit code. */
export async function runBlocksCommand(argv: readonly string[], options: BlocksCommandOptions): Promise<number> {
  try {
    const query = readQuery(argv, { now: options.now, slowMs: options.thresholds.slowMs })
    await (query.help ? print([`${blocksHelp()}\n`], options) : answer(query, options))
    return 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0 // `| head` has seen enough
    if (!(error instanceof QueryError || error instanceof JournalError)) throw error
    complain(error.message, options)
    return error instanceof QueryError ? 2 : 1
  }
}

async function answer(query: Query, options: BlocksCommandOptions): Promise<void> {
  const path = query.journal ?? options.journal
  if (path === undefined) throw new JournalError('the settings want no journal; one that is there is named with --journal FILE')
  const tally: Tally = { records: 0, unreadable: 0, selected: 0 }
  await print(textOf(select(path, query, tally), query, terminalOf(options)), options)
  if (tally.records === 0) complain(`${path} holds no block yet`, options)
  else if (tally.selected === 0) complain(`none of the ${tally.records} blocks in ${path} fits`, options)
  if (tally.unreadable > 0)
    complain(`${lines(tally.unreadable)} of ${path} could not be read and ${tally.unreadable === 1 ? 'is' : 'are'} left out`, options)
}

function textOf(records: Generator<BlockRecord>, { summary, format, filter }: Query, terminal: Terminal): Iterable<string> {
  if (summary) return format === 'json' ? summaryInJson(records) : summaryInWords(records, terminal)
  if (format === 'json') return jsonLines(records)
  if (format === 'ndjson') return ndjsonLines(records)
  if (format === 'csv') return csvLines(records)
  return filter.hash || filter.heights ? sheetOrTable(records, terminal) : tableLines(records, terminal)
}

function* summaryInJson(records: Iterable<BlockRecord>): Generator<string> {
  yield `${jsonText(summaryJson(summarise(records)))}\n`
}

function* summaryInWords(records: Iterable<BlockRecord>, terminal: Terminal): Generator<string> {
  const summary = summarise(records)
  if (summary.blocks > 0) yield* summaryLines(summary, terminal)
}

/** A single block is shown whole. */
function* sheetOrTable(records: Generator<BlockRecord>, terminal: Terminal): Generator<string> {
  const first = records.next()
  if (first.done) return
  const second = records.next()
  if (second.done) yield* sheetLines(first.value, terminal)
  else yield* tableLines(following([first.value, second.value], records), terminal)
}

function* following<T>(first: readonly T[], rest: Iterable<T>): Generator<T> {
  yield* first
  yield* rest
}

function terminalOf({ stdout, noColor, thresholds }: BlocksCommandOptions): Terminal {
  const columns = stdout.isTTY ? (stdout.columns ?? 80) : undefined
  return { columns, paint: stdout.isTTY && !noColor ? inColour : plain, thresholds }
}

async function print(text: Iterable<string>, { stdout }: BlocksCommandOptions): Promise<void> {
  await pipeline(Readable.from(inPieces(text)), stdout, { end: false })
}

const PIECE = 16 * 1024

/** In pieces larger than lines: a hundred thousand writes would take longer than what is written. */
function* inPieces(text: Iterable<string>): Generator<string> {
  let piece = ''
  for (const line of text) {
    piece += line
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

function complain(message: string, { stderr }: BlocksCommandOptions): void {
  stderr.write(`fibre-agent: ${message}\n`)
}
