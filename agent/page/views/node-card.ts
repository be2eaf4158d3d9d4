import type { BlockRecord } from '../../blocks/record.ts'
import { type SlowThresholds, severityOf } from '../../blocks/severity.ts'
import { type HeadStarts, type Summary, shownPaths, summarise } from '../../blocks/summary.ts'
import { countLostEvents, type SeenNode } from '../seen-nodes.ts'
import { pathClasses, pathNames } from './block-path.ts'
import { renderHistogram, renderShares } from './charts.ts'
import { foreignText, formatCount, formatMs, formatPercent, timeElement } from './format.ts'
import { elementId, type Html, html, nothing } from './html.ts'

const HEAD_START_EDGES = [1, 2.5, 5, 10, 25, 50, 100, 250]
const RECONSTRUCTION_EDGES = [2.5, 5, 10, 25, 50, 100, 250, 500]

export const cardId = (node: string) => elementId('node', node)

/** Renders one node: its state, and the figures of its blocks that are held. */
export function renderCard(seen: SeenNode, records: readonly BlockRecord[], thresholds: SlowThresholds): Html {
  const { node, wins } = seen
  const id = cardId(node)
  return html`<section id="${id}" class="card" aria-labelledby="${id}-name">
<h2 id="${id}-name">${foreignText(node, 100)} ${pill(seen)}</h2>
<p class="quiet wraps">${origin(seen)}</p>
<dl>
${lastBlock(seen)}
${records.length === 0 ? nothing : renderRecords(records, thresholds).figures}
${probesAttached(seen)}
${eventsLost(seen)}
</dl>
${records.length === 0 ? html`<p class="empty">No block yet: rates and distributions show here with the first one.</p>` : renderRecords(records, thresholds).charts}
<p class="quiet">Since the agent started: ${connections(seen)}, ${formatCount(wins.fibre_udp)} won by FIBRE, ${formatCount(wins.bip152_cmpct)} by compact blocks, ${formatCount(wins.other)} by neither. A block that is connected again, after a crash or reorganisation, counts again as connected; its race and its record do not.</p>
${probeList(seen.probes, id)}
</section>`
}

function pill({ isUp, replay }: SeenNode): Html {
  if (replay === 'replaying') return html`<span class="pill good">replaying</span>`
  if (replay === 'replayed') return html`<span class="pill fair">replay ended</span>`
  return isUp ? html`<span class="pill good">running</span>` : html`<span class="pill bad">gone</span>`
}

function origin({ process, isUp, replay }: SeenNode): Html {
  const file = foreignText(process.executable, 300)
  if (replay === 'replaying') return html`Being replayed from ${file}`
  if (replay === 'replayed') return html`All of ${file} was replayed; nothing more comes`
  return html`${isUp ? 'Process' : 'Was process'} ${process.pid}, ${file}`
}

/** Writes the number of connected blocks, which would be 0 without the tracepoint that tells of them. */
function connections({ connected, probes }: SeenNode): string {
  const isCounted = probes.some(({ probe, attached }) => probe === 'validation:block_connected' && attached)
  if (connected === 0 && !isCounted) return 'connections are not told of (validation:block_connected is not attached)'
  return `${formatCount(connected)} ${connected === 1 ? 'block' : 'blocks'} connected`
}

function lastBlock({ lastHeight, lastBlockAt }: SeenNode): Html {
  if (lastHeight === undefined) return figure('Last block', 'none yet')
  return figure('Last block', formatCount(lastHeight), lastBlockAt ? timeElement(lastBlockAt.toISOString()) : nothing)
}

function probesAttached({ probes }: SeenNode): Html {
  const attached = probes.filter((probe) => probe.attached).length
  return figure('Tracepoints', `${attached} of ${probes.length}`, html`attached`, attached < probes.length)
}

function eventsLost(seen: SeenNode): Html {
  const lost = countLostEvents(seen)
  return figure('Events lost', formatCount(lost), html`${lost === 0 ? 'none missing' : 'figures are too low'}`, lost > 0)
}

function figure(name: string, value: string, note: Html = nothing, isBad = false): Html {
  return html`<div><dt>${name}</dt><dd>${isBad ? html`<span class="bad">${value}</span>` : value}${note === nothing ? note : html`<small>${note}</small>`}</dd></div>`
}

interface Rendered {
  readonly figures: Html
  readonly charts: Html
}

/** The figures of records are rendered once for them, however often the page is. */
const cache = new WeakMap<readonly BlockRecord[], Rendered>()

function renderRecords(records: readonly BlockRecord[], thresholds: SlowThresholds): Rendered {
  const known = cache.get(records)
  if (known) return known
  const summary = summarise(records)
  const rendered = { figures: figuresOf(records, summary, thresholds), charts: chartsOf(records, summary, thresholds) }
  cache.set(records, rendered)
  return rendered
}

function figuresOf(records: readonly BlockRecord[], summary: Summary, thresholds: SlowThresholds): Html {
  return html`${winRate(summary)}
${quantiles(summary)}
${slowBlocks(records, thresholds)}
${figure('Blocks counted here', formatCount(summary.blocks), html`since ${timeElement(records[0]?.time ?? '')}`)}`
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

function pathChart({ paths }: Summary): Html {
  const parts = shownPaths(paths).map((path) => ({ name: pathNames[path], classes: pathClasses[path], count: paths[path] }))
  return renderShares('How blocks came', parts)
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

function probeList(probes: SeenNode['probes'], id: string): Html {
  const missing = probes.filter((probe) => !probe.attached)
  return html`<details id="${id}-probes"${missing.length > 0 ? html` open` : nothing}><summary>Tracepoints</summary><ul class="probes">${probes.map(
    ({ probe, attached, reason }) =>
      attached
        ? html`<li><code>${probe}</code> attached</li>`
        : html`<li class="bad"><code>${probe}</code> missing${reason === undefined ? '' : `: ${reason}`}</li>`,
  )}</ul></details>`
}
