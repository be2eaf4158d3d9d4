import { pathStyles } from '../../blocks/path-styles.ts'
import type { BlockRecord } from '../../blocks/record.ts'
import { Sample } from '../../blocks/summary/sample.ts'
import { pathsIn, type Summary, summarise } from '../../blocks/summary/summary.ts'
import { renderHistogram, renderShares } from './charts.ts'
import { blocksCounted, figure, neverConnectedNote, oncePerRecords, type RecordFigures } from './figure.ts'
import { formatCount, formatMs, formatPercent } from './format.ts'
import { type Html, html } from './html.ts'

const TO_CONNECTED_EDGES = [25, 50, 100, 250, 500, 1000, 2500, 5000]

/** Renders what messages tell of a node without FIBRE. */
export const renderStockFigures = oncePerRecords((records: readonly BlockRecord[]): RecordFigures => {
  const summary = summarise(records)
  const { paths, blocks } = summary
  // The first sign of a block of FIBRE, from before the node lost it, is no announcement.
  const announced = records.filter(({ path }) => path !== 'fibre_udp')
  const toConnected = announced.flatMap(({ first_sign_to_connected_ms }) => first_sign_to_connected_ms ?? [])
  const parts = pathsIn(paths).map((path) => ({ ...pathStyles[path], count: paths[path] }))
  return {
    figures: html`${withoutRoundTrip(summary)}
${firstSignToConnected(toConnected)}
${blocksCounted(records, blocks)}`,
    charts: html`<div class="charts">
${renderShares('How blocks came', parts, neverConnectedNote(summary))}
${renderHistogram({
  title: 'First sign to connected, ms',
  legend: html`<ul class="legend"><li><i class="compact"></i>from the first announcement by a peer <b>${formatCount(toConnected.length)}</b></li></ul>`,
  edges: TO_CONNECTED_EDGES,
  series: [{ name: 'blocks', classes: 'compact', values: toConnected }],
})}
</div>`,
  }
})

function withoutRoundTrip({ paths, compactBlocks, withoutRoundTrip: share }: Summary): Html {
  if (share === undefined) return figure('Without a round trip', 'no compact block yet')
  return figure(
    'Without a round trip',
    formatPercent(share),
    html`${formatCount(paths.compact_block)} of ${formatCount(compactBlocks)} compact blocks`,
  )
}

function firstSignToConnected(values: readonly number[]): Html {
  const sample = new Sample()
  for (const ms of values) sample.add(ms)
  const { p50, p95 } = sample.quantiles()
  if (p50 === undefined || p95 === undefined) return figure('First sign to connected', 'none yet')
  return figure('First sign to connected', formatMs(p50), html`median; 95%: ${formatMs(p95)}`)
}
