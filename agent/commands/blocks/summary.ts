import { type Quantiles, share } from '../../blocks/summary/sample.ts'
import { type HeadStarts, pathsIn, type Summary, shownPaths } from '../../blocks/summary/summary.ts'
import { escapeUnseen } from '../../escape.ts'
import { tenths } from './columns.ts'
import { tableLines } from './table.ts'
import { cut, type Terminal } from './terminal.ts'

const LABEL = 26
const STAGE = 36 // two that are joined
const FIGURE = 10
const LONGEST_NAMES = 60
/** Further ones are the slowest of few blocks. */
const MOST_STAGES = 4

/** The figures of some blocks, on one screen. What their nodes do not tell is left out: FIBRE, or messages. */
export function* summaryLines(summary: Summary, terminal: Terminal): Generator<string> {
  const { from, to, nodes, blocks, connected, reconstruction, slowest } = summary
  const title = (text: string) => `${terminal.paint('bold', text)}\n`
  yield title(escapeUnseen(`${minutes(from)} to ${minutes(to)} UTC, ${cut(nodes.join(', '), LONGEST_NAMES)}`))
  yield line('blocks', blocks, `${connected} of them connected`)
  yield* pathLines(summary)
  for (const { heading, rows } of [durations(summary), requests(summary), stages(summary)]) {
    if (rows.length === 0) continue
    yield '\n'
    yield title(heading)
    yield* rows
  }
  if (slowest.length === 0) return
  yield '\n'
  yield title(reconstruction.count > 0 ? 'slowest' : 'slowest, announced to connected')
  yield* tableLines(slowest, terminal)
}

/** Reports whether any of the blocks is of a node with FIBRE. */
const isOfFibre = ({ raceCoverage, headStarts, reconstruction }: Summary) =>
  raceCoverage !== undefined || [headStarts.fibre_udp, headStarts.bip152_cmpct, reconstruction].some(({ count }) => count > 0)

function* pathLines(summary: Summary): Generator<string> {
  const { paths, blocks, neverConnected, races, fibreWinRate, raceCoverage, compactBlocks, withoutRoundTrip } = summary
  const isFibre = isOfFibre(summary)
  for (const path of isFibre ? shownPaths(paths) : pathsIn(paths))
    yield line(`  ${path}`, paths[path], percent(share(paths[path], blocks - neverConnected)))
  if (neverConnected > 0) yield line('never connected', neverConnected, 'competing, or a header alone')
  if (isFibre) yield line('FIBRE won', percent(fibreWinRate), `of ${races} races`)
  if (isFibre) yield line('race coverage', percent(raceCoverage), 'of blocks had a race, where that is known')
  if (compactBlocks > 0) yield line('without a round trip', percent(withoutRoundTrip), `of ${compactBlocks} compact blocks`)
}

interface Part {
  readonly heading: string
  readonly rows: readonly string[]
}

function durations(summary: Summary): Part {
  const { headStarts, reconstruction, announcedToConnected, roundTrip } = summary
  const ofFibre = [
    quantiles('head start, FIBRE first', headStarts.fibre_udp, tenths),
    quantiles('head start, compact first', headStarts.bip152_cmpct, tenths),
    quantiles('reconstruction', reconstruction, tenths),
  ]
  const byMessages = [
    ...(announcedToConnected.count > 0 ? [quantiles('announced to connected', announcedToConnected, tenths)] : []),
    ...(roundTrip.count > 0 ? [quantiles('round trip', roundTrip, tenths)] : []),
  ]
  return { heading: row('', ['blocks', 'p50 ms', 'p95 ms', 'p99 ms']), rows: [...(isOfFibre(summary) ? ofFibre : []), ...byMessages] }
}

function requests({ requestedTransactions, requestedBytes }: Summary): Part {
  return {
    heading: row('requested', ['blocks', 'p50', 'p95', 'p99']),
    rows: [
      ...(requestedTransactions.count > 0 ? [quantiles('  transactions', requestedTransactions, String)] : []),
      ...(requestedBytes.count > 0 ? [quantiles('  bytes', requestedBytes, String)] : []),
    ],
  }
}

function stages({ slowestStages }: Summary): Part {
  const counts = Object.entries(slowestStages)
  const all = counts.reduce((sum, [, count]) => sum + count, 0)
  return {
    heading: row('slowest stage', ['blocks'], STAGE),
    rows: counts
      .slice(0, MOST_STAGES)
      .map(([stage, count]) => line(`  ${cut(escapeUnseen(stage), STAGE - 2)}`, count, percent(count / all), STAGE)),
  }
}

function line(label: string, figure: string | number, note: string, width?: number): string {
  return `${row(label, [figure], width)}  ${note}\n`
}

function row(label: string, figures: readonly (string | number)[], width = LABEL): string {
  return label.padEnd(width) + figures.map((figure) => String(figure).padStart(FIGURE)).join('')
}

function quantiles(
  label: string,
  { count, p50, p95, p99, lowerBounds = 0 }: Quantiles & Partial<HeadStarts>,
  text: (value: number) => string,
): string {
  const bound = lowerBounds > 0 ? '≥ ' : ''
  return `${row(label, [count, ...[p50, p95, p99].map((value) => (value === undefined ? '-' : bound + text(value)))])}\n`
}

function minutes(time = '-'): string {
  return time.slice(0, 16).replace('T', ' ')
}

function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(100 * share).toFixed(1)} %`
}
