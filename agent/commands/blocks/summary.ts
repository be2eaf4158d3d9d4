import { type Durations, type HeadStarts, type Summary, shownPaths } from '../../blocks/summary.ts'
import { escapeUnseen } from '../../escape.ts'
import { tenths } from './columns.ts'
import { tableLines } from './table.ts'
import { cut, type Terminal } from './terminal.ts'

const LABEL = 26
const FIGURE = 10
const LONGEST_NAMES = 60

/** The figures of some blocks, on one screen. */
export function* summaryLines(summary: Summary, terminal: Terminal): Generator<string> {
  const { from, to, nodes, blocks, connected, races, fibreWinRate, raceCoverage, headStarts, reconstruction, slowest } = summary
  const title = (text: string) => `${terminal.paint('bold', text)}\n`
  yield title(escapeUnseen(`${minutes(from)} to ${minutes(to)} UTC, ${cut(nodes.join(', '), LONGEST_NAMES)}`))
  yield line('blocks', blocks, `${connected} of them connected`)
  for (const path of shownPaths(summary.paths)) yield line(`  ${path}`, summary.paths[path], percent(summary.paths[path] / blocks))
  yield line('FIBRE won', percent(fibreWinRate), `of ${races} races`)
  yield line('race coverage', percent(raceCoverage), 'of blocks had a race, where that is known')
  yield '\n'
  yield title(row('', ['blocks', 'p50 ms', 'p95 ms', 'p99 ms']))
  yield `${row('head start, FIBRE first', quantiles(headStarts.fibre_udp))}\n`
  yield `${row('head start, compact first', quantiles(headStarts.bip152_cmpct))}\n`
  yield `${row('reconstruction', quantiles(reconstruction))}\n`
  if (slowest.length === 0) return
  yield '\n'
  yield title('slowest')
  yield* tableLines(slowest, terminal)
}

function line(label: string, figure: string | number, note = ''): string {
  return `${`${row(label, [figure])}  ${note}`.trimEnd()}\n`
}

function row(label: string, figures: readonly (string | number)[]): string {
  return label.padEnd(LABEL) + figures.map((figure) => String(figure).padStart(FIGURE)).join('')
}

function quantiles({ count, p50, p95, p99, lowerBounds = 0 }: Durations & Partial<HeadStarts>): readonly (string | number)[] {
  const bound = lowerBounds > 0 ? '≥ ' : ''
  return [count, ...[p50, p95, p99].map((ms) => (ms === undefined ? '-' : bound + tenths(ms)))]
}

function minutes(time = '-'): string {
  return time.slice(0, 16).replace('T', ' ')
}

function percent(share: number | undefined): string {
  return share === undefined ? '-' : `${(100 * share).toFixed(1)} %`
}
