import type { BlockRecord } from '../../blocks/record.ts'
import { summarise } from '../../blocks/summary/summary.ts'
import { summaryJson } from '../../blocks/summary/summary-json.ts'
import { JournalError } from '../../journal/read.ts'
import { isColourUnwanted, readSettings } from '../../settings/load.ts'
import { type Context, defineCommand, UsageError } from '../command.ts'
import { columnsOf, print } from '../print.ts'
import { formats, queryFlags } from './flags.ts'
import { csvLines, jsonLines, jsonText, ndjsonLines } from './formats.ts'
import { blocksHelp } from './help.ts'
import { problemsTogether, type Query, queryOf } from './query.ts'
import { lines, select, type Tally } from './select.ts'
import { sheetLines } from './sheet.ts'
import { summaryLines } from './summary.ts'
import { tableLines } from './table.ts'
import { inColour, plain, type Terminal } from './terminal.ts'

/** `fibre-agent blocks …`: prints what the journal says of blocks. */
export const blocks = defineCommand({
  flags: queryFlags,
  settings: ['config'], // it may say where the journal is
  instead: Object.fromEntries(formats.map((format) => [format, `--format ${format}`])),
  help: blocksHelp,
  problemOfWord: (word) => `${JSON.stringify(word)}: is no flag; blocks are named by --hash or --height`,
  async run({ values, settings: commandLine, problems }, { stdout, stderr, env }) {
    const now = new Date()
    const allProblems = [...problems, ...problemsTogether(values, now)]
    if (allProblems.length > 0) throw queryError(allProblems)
    const settings = readSettings(commandLine, env)
    const thresholds = { slowMs: settings.slowThresholdMs, verySlowMs: settings.verySlowThresholdMs }
    const query = queryOf(values, { now, slowMs: thresholds.slowMs })
    const paint = stdout.isTTY && !isColourUnwanted(env) ? inColour : plain
    const terminal = { columns: columnsOf(stdout, env), paint, thresholds }
    return { exitCode: await printBlocks(query, { journal: settings.journal, terminal, stdout, stderr }) }
  },
})

function queryError(problems: readonly string[]): UsageError {
  const listed = problems.map((problem) => `  ${problem}`)
  return new UsageError(['blocks cannot be asked for in this way:', ...listed, 'All flags: fibre-agent blocks --help'].join('\n'))
}

interface PrintOptions extends Pick<Context, 'stdout' | 'stderr'> {
  /** The journal's file by the settings; `undefined` if they want none. */
  readonly journal: string | undefined
  readonly terminal: Terminal
}

/** Answers a query from the journal. Returns the exit code. */
async function printBlocks(query: Query, options: PrintOptions): Promise<number> {
  try {
    await answer(query, options)
    return 0
  } catch (error) {
    if (!(error instanceof JournalError)) throw error
    complain(error.message, options) // without its cause, which it has in words
    return 1
  }
}

async function answer(query: Query, options: PrintOptions): Promise<void> {
  const path = query.journal ?? options.journal
  if (path === undefined) throw new JournalError('the settings want no journal; one that is there is named with --journal FILE')
  const tally: Tally = { records: 0, unreadable: 0, selected: 0 }
  await print(textOf(select(path, query, tally), query, options.terminal), options.stdout)
  if (tally.records === 0) complain(`${path} holds no block yet`, options)
  else if (tally.selected === 0)
    complain(`none of the ${tally.records} blocks in ${path} fits${query.filter.slowMs === undefined ? '' : ABOUT_SLOW}`, options)
  if (tally.unreadable > 0)
    complain(`${lines(tally.unreadable)} of ${path} could not be read and ${tally.unreadable === 1 ? 'is' : 'are'} left out`, options)
}

/** Said where none is slow, as on any node without FIBRE. */
const ABOUT_SLOW =
  '; --slow is about reconstructions from FIBRE chunks: of a node without FIBRE, --summary shows which blocks took longest until connected'

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

function complain(message: string, { stderr }: PrintOptions): void {
  stderr.write(`fibre-agent: ${message}\n`)
}
