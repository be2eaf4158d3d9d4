import type { BlockRecord } from '../../blocks/record.ts'
import type { SlowThresholds } from '../../blocks/severity.ts'
import { countLostEvents, type SeenNode } from '../seen-nodes.ts'
import { renderFibreFigures } from './fibre-figures.ts'
import { figure } from './figure.ts'
import { foreignText, formatCount, timeElement } from './format.ts'
import { elementId, type Html, html, nothing } from './html.ts'
import { renderStockFigures } from './stock-figures.ts'

export const cardId = (node: string) => elementId('node', node)

/** Renders one node: its state, and the figures of its blocks that are held. */
export function renderCard(seen: SeenNode, records: readonly BlockRecord[], thresholds: SlowThresholds): Html {
  const { node } = seen
  const id = cardId(node)
  const rendered = records.length === 0 ? undefined : isStock(seen) ? renderStockFigures(records) : renderFibreFigures(records, thresholds)
  return html`<section id="${id}" class="card ${isStock(seen) ? 'stock' : 'with-fibre'}" aria-labelledby="${id}-name">
<h2 id="${id}-name">${foreignText(node, 100)} ${pill(seen)}</h2>
<p class="quiet wraps">${origin(seen)}</p>
<dl>
${lastBlock(seen)}
${rendered?.figures ?? nothing}
${probesAttached(seen)}
${eventsLost(seen)}
</dl>
${rendered?.charts ?? html`<p class="empty">No block yet: rates and distributions show here with the first one.</p>`}
<p class="quiet">Since the agent started: ${connections(seen)}${isStock(seen) ? '' : won(seen)}. A block that is connected again, after a crash or reorganisation, counts again as connected; its ${isStock(seen) ? 'record does not' : 'race and its record do not'}.</p>
${probeList(seen.probes, id)}
</section>`
}

/** Of a node without FIBRE nothing is shown that only FIBRE tells. */
const isStock = ({ hasFibre }: SeenNode) => hasFibre === false

const won = ({ wins }: SeenNode) =>
  `, ${formatCount(wins.fibre_udp)} won by FIBRE, ${formatCount(wins.bip152_cmpct)} by compact blocks, ${formatCount(wins.other)} by neither`

function pill({ process, isUp, probes, replay }: SeenNode): Html {
  if (replay === 'replaying') return html`<span class="pill good">replaying</span>`
  if (replay === 'replayed') return html`<span class="pill fair">replay ended</span>`
  if (process.pid === 0)
    return html`<span class="pill ${isAttached(probes) ? 'good' : 'bad'}">${isAttached(probes) ? 'log is read' : 'log is not read'}</span>`
  return isUp ? html`<span class="pill good">running</span>` : html`<span class="pill bad">gone</span>`
}

const isAttached = (probes: SeenNode['probes']) => probes.some(({ attached }) => attached)

function origin({ process, isUp, replay }: SeenNode): Html {
  const file = foreignText(process.executable, 300)
  if (replay === 'replaying') return html`Being replayed from ${file}`
  if (replay === 'replayed') return html`All of ${file} was replayed; nothing more comes`
  if (process.pid === 0) return html`Log ${file}; no process is known`
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

function probeList(probes: SeenNode['probes'], id: string): Html {
  const missing = probes.filter((probe) => !probe.attached)
  return html`<details id="${id}-probes"${missing.length > 0 ? html` open` : nothing}><summary>Tracepoints</summary><ul class="probes">${probes.map(
    ({ probe, attached, reason }) =>
      attached
        ? html`<li><code>${probe}</code> attached</li>`
        : html`<li class="bad"><code>${probe}</code> missing${reason === undefined ? '' : `: ${reason}`}</li>`,
  )}</ul></details>`
}
