import { pathStyles } from '../../blocks/path-styles.ts'
import type { BlockRecord } from '../../blocks/record.ts'
import { type SlowThresholds, severityOf } from '../../blocks/severity.ts'
import { type HeadStarts, type Summary, shownPaths, summarise } from '../../blocks/summary/summary.ts'
import { renderHistogram, renderShares } from './charts.ts'
import { blocksCounted, figure, neverConnectedNote, oncePerRecords, type RecordFigures } from './figure.ts'
import { formatCount, formatMs, formatPercent } from './format.ts'
import { type Html, html } from './html.ts'

const HEAD_START_EDGES = [1, 2.5, 5, 10, 25, 50, 100, 250]
const RECONSTRUCTION_EDGES = [2.5, 5, 10, 25, 50, 100, 250, 500]

/** Renders races, head starts and reconstructions. */
export const renderFibreFigures = oncePerRecords((records: readonly BlockRecord[], thresholds: SlowThresholds): RecordFigures => {
  const summary = summarise(records)
  return { figures: figuresOf(records, summary, thresholds), charts: chartsOf(records, summary, thresholds) }
})

function figuresOf(records: readonly BlockRecord[], summary: Summary, thresholds: SlowThresholds): Html {
  return html`${winRate(summary)}
${quantiles(summary)}
${slowBlocks(records, thresholds)}
${blocksCounted(records, summary.blocks)}`
}

function chartsOf(records: readonly BlockRecord[], summary: Summary, thresholds: SlowThresholds): Html {
  return html`<div class="charts">
${pathChart(summary)}
${headStartChart(records, summary)}
${reconstructionChart(records, summary, thresholds)}
</div>`
}

function winRate({ fibreWinRate, races, raceCoverage, paths }: Summary): Html {
  if (fibreWinRate === undefined) return figure('FIBRE win rate', 'no race yet')
  const coverage = raceCoverage === undefined ? '' : `; ${formatPercent(raceCoverage)} of blocks had one`
  return figure(
    'FIBRE win rate',
    formatPercent(fibreWinRate),
    html`${formatCount(paths.fibre_udp)} of ${formatCount(races)} races${coverage}`,
  )
}

function quantiles({ reconstruction: { p50, p95, p99 } }: Summary): Html {
  if (p50 === undefined || p95 === undefined || p99 === undefined) return figure('Reconstruction', 'none yet')
  return figure('Reconstruction', formatMs(p50), html`median; 95%: ${formatMs(p95)}, 99%: ${formatMs(p99)}`)
}

function slowBlocks(records: readonly BlockRecord[], thresholds: SlowThresholds): Html {
  const severities = records.map((record) => severityOf(record, thresholds)).filter((severity) => severity !== undefined)
  const very = severities.filter((severity) => severity === 'very_slow').length
  return figure('Slow blocks', formatCount(severities.length), html`${formatCount(very)} of them very slow`)
}

function pathChart(summary: Summary): Html {
  const parts = shownPaths(summary.paths).map((path) => ({ ...pathStyles[path], count: summary.paths[path] }))
  return renderShares('How blocks came', parts, neverConnectedNote(summary))
}

function headStartChart(records: readonly BlockRecord[], { headStarts: { fibre_udp, bip152_cmpct } }: Summary): Html {
  const of = (first: string, isBound: boolean) =>
    records
      .filter((record) => record.first_started === first && (record.head_start_is_lower_bound ?? false) === isBound)
      .map(({ head_start_ms = 0 }) => head_start_ms)
  return renderHistogram({
    title: 'Head start, ms',
    legend: html`<ul class="legend"><li><i class="fibre"></i>FIBRE first ${median(fibre_udp)}</li><li><i class="compact"></i>compact block first ${median(bip152_cmpct)}</li><li><i class="fibre bound"></i><i class="compact bound"></i>at least that</li></ul>`,
    edges: HEAD_START_EDGES,
    series: [
      { name: 'FIBRE first', classes: 'fibre', values: of('fibre_udp', false) },
      { name: 'FIBRE first, at least', classes: 'fibre bound', values: of('fibre_udp', true) },
      { name: 'compact block first', classes: 'compact', values: of('bip152_cmpct', false), isBelow: true },
      { name: 'compact block first, at least', classes: 'compact bound', values: of('bip152_cmpct', true), isBelow: true },
    ],
  })
}

function median({ count: blocks, p50, lowerBounds }: HeadStarts): Html {
  if (p50 === undefined) return html`<b>0</b>`
  return html`<b>${formatCount(blocks)}</b>, median ${lowerBounds > 0 ? '≥ ' : ''}${formatMs(p50)}`
}

function reconstructionChart(records: readonly BlockRecord[], { reconstruction }: Summary, thresholds: SlowThresholds): Html {
  const of = (wanted: ReturnType<typeof severityOf>) =>
    records.filter((record) => severityOf(record, thresholds) === wanted).flatMap(({ reconstruction_ms }) => reconstruction_ms ?? [])
  const { slowMs, verySlowMs } = thresholds
  return renderHistogram({
    title: 'Reconstruction, ms',
    legend: html`<ul class="legend"><li><i class="fibre"></i>from FIBRE's chunks <b>${formatCount(reconstruction.count)}</b></li><li><i class="slow"></i>slow: ${slowMs} ms or more</li><li><i class="very-slow"></i>very slow: ${verySlowMs} ms or more</li></ul>`,
    edges: [...new Set([...RECONSTRUCTION_EDGES, slowMs, verySlowMs])].sort((a, b) => a - b),
    series: [
      { name: 'not slow', classes: 'fibre', values: of(undefined) },
      { name: 'slow', classes: 'slow', values: of('slow') },
      { name: 'very slow', classes: 'very-slow', values: of('very_slow') },
    ],
  })
}
