import type { SlowThresholds } from '../../blocks/severity.ts'
import type { Snapshot } from '../../nodes/snapshot.ts'
import type { PageAnswer } from '../answer.ts'
import type { HeldBlock, History } from '../history.ts'
import { countLostEvents, type SeenNode, seenNodes } from '../seen-nodes.ts'
import { blockColumns, renderRow } from './block-row.ts'
import { foreignText, formatCount, timeElement } from './format.ts'
import { type Html, html, nothing } from './html.ts'
import { documentAnswer } from './layout.ts'
import { cardId, renderCard } from './node-card.ts'

/** Number of blocks on the page. */
export const SHOWN_BLOCKS = 100

/** An element of the page that is replaced when it changes, found by its id. */
export interface Part {
  readonly id: string
  readonly markup: Html
}

/** Renders the parts that follow from the state: the banner and a card for each node. */
export function renderParts(snapshot: Snapshot, history: History, thresholds: SlowThresholds): readonly Part[] {
  const cards = seenNodes(snapshot).map((node) => ({
    id: cardId(node.node),
    markup: renderCard(node, history.finished(node.node), thresholds),
  }))
  return [{ id: 'banner', markup: banner(snapshot) }, ...cards]
}

/** Renders the whole page. `version` names the state of things that it shows. */
export function renderPage(
  snapshot: Snapshot,
  parts: readonly Part[],
  blocks: readonly HeldBlock[],
  thresholds: SlowThresholds,
  version: string,
): PageAnswer {
  const { version: agentVersion, startedAt, pushing } = snapshot
  const [top, ...cards] = parts
  return documentAnswer({
    title: titleOf(snapshot.readiness),
    head: html`<noscript><meta http-equiv="refresh" content="10"></noscript>`,
    body: html`<header>
<h1>FIBRE agent</h1>
<p class="quiet">Version ${agentVersion}, started ${timeElement(startedAt.toISOString())}</p>
<p id="connection" role="status"><noscript>Refreshes itself every 10 seconds</noscript></p>
</header>
<main>
<div id="lost" class="banner bad" role="status" hidden><p><strong>Connection lost.</strong> What is shown was so <time id="told" datetime=""></time>; how it is now is not known.</p></div>
<div aria-live="polite">${top?.markup ?? nothing}</div>
<div id="content">${renderContent(cards, blocks, thresholds)}</div>
</main>
<footer class="quiet">
<p><a href="metrics">Metrics for Prometheus</a>${pushing === undefined ? '' : html`, also pushed to ${pushing}`}. JSON: <a href="api/v1/status">state</a>, <a href="api/v1/blocks">blocks</a>.</p>
<p>A head start is “≥” where the other side had not started when the block was connected: it is that long or longer.</p>
</footer>`,
    script: { version, blocks: SHOWN_BLOCKS },
  })
}

/** Renders all that depends on nodes and blocks. */
export function renderContent(cards: readonly Part[], blocks: readonly HeldBlock[], thresholds: SlowThresholds): Html {
  return html`<div id="nodes">${cards.map(({ markup }) => markup)}</div>
<p class="empty card">No bitcoind has been seen since the agent started.</p>
<section class="card" aria-labelledby="blocks-name">
<h2 id="blocks-name">Last ${SHOWN_BLOCKS} blocks</h2>
<table id="blocks"><thead><tr>${blockColumns.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${blocks.map((held) => renderRow(held, thresholds))}</tbody></table>
<p class="empty">No block yet. The next one shows here as soon as a node connects it.</p>
</section>`
}

function banner(snapshot: Snapshot): Html {
  const { readiness, warnings } = snapshot
  const nodes = seenNodes(snapshot)
  const title = titleOf(readiness)
  if (!readiness.ready)
    return html`<div id="banner" class="banner bad" data-title="${title}"><p><strong>Not ready</strong></p>${list([...readiness.reasons, ...warnings])}</div>`
  const notes = [...warnings, ...nodes.flatMap(lossOf)]
  if (notes.length > 0)
    return html`<div id="banner" class="banner fair" data-title="${title}"><p><strong>Ready</strong>, but:</p>${list(notes)}</div>`
  const recording = nodes.find(({ replay }) => replay !== undefined)
  if (recording)
    return html`<div id="banner" class="banner ${recording.replay === 'replaying' ? 'good' : 'fair'}" data-title="${title}"><p>${replayed(recording)}</p></div>`
  const running = nodes.filter(({ isUp }) => isUp).length
  return html`<div id="banner" class="banner good" data-title="${title}"><p><strong>All is well.</strong> ${formatCount(running)} ${running === 1 ? 'node is' : 'nodes are'} measured.</p></div>`
}

function replayed({ replay, process }: SeenNode): Html {
  const file = foreignText(process.executable, 300)
  if (replay === 'replaying') return html`<strong>Replaying</strong> ${file}. No bitcoind is measured.`
  return html`<strong>The replay has ended.</strong> All of ${file} is shown; no bitcoind is measured.`
}

function lossOf(seen: SeenNode): readonly string[] {
  const lost = countLostEvents(seen)
  if (lost === 0) return []
  return [
    `${seen.node}: ${formatCount(lost)} ${lost === 1 ? 'event was' : 'events were'} lost since the agent started, so figures are too low`,
  ]
}

function list(entries: readonly string[]): Html {
  return html`<ul>${entries.map((entry) => html`<li>${entry}</li>`)}</ul>`
}

function titleOf({ ready }: Snapshot['readiness']): string {
  return `${ready ? '' : 'Not ready: '}FIBRE agent`
}
