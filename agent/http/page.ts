import type { Route } from './answer.ts'
import { type Html, html } from './html.ts'
import { pageStyle } from './page-style.ts'
import type { Health, ProbeStatus, Status, TargetStatus } from './status.ts'

const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}

/** A page for people: is all well, and does FIBRE help? Self-contained, without script. */
export function statusPage(status: () => Status): Route {
  return () => ({ status: 200, type: 'text/html; charset=utf-8', headers: HEADERS, body: page(status(), Date.now()).markup })
}

function page({ version, startedAt, health, targets, pushing }: Status, now: number): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>${health.ready ? '' : 'Not ready: '}FIBRE agent</title>
${pageStyle}
</head>
<body>
<header>
<h1>FIBRE agent</h1>
<p class="quiet">Version ${version}, up ${age(startedAt, now)}</p>
</header>
<main>
${healthBanner(health)}
${targets.length === 0 ? html`<p>No bitcoind is being measured.</p>` : html`<div class="nodes">${targets.map((target) => targetCard(target, now))}</div>`}
</main>
<footer class="quiet">
<p><a href="metrics">Metrics for Prometheus</a>${pushing === undefined ? '' : html`, also pushed to ${pushing}`}</p>
<p>Figures count from the start of the agent. This page renews itself every 10 seconds.</p>
</footer>
</body>
</html>
`
}

function healthBanner({ ready, reasons }: Health): Html {
  if (ready) return html`<p class="banner good"><strong>Ready</strong></p>`
  return html`<div class="banner bad"><p><strong>Not ready</strong></p><ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul></div>`
}

function targetCard(target: TargetStatus, now: number): Html {
  const { node, pid, executable, up } = target
  return html`<section>
<h2>${node} ${up ? html`<span class="state good">running</span>` : html`<span class="state bad">gone</span>`}</h2>
<p class="quiet process">${up ? 'Process' : 'Was process'} ${pid}, ${executable}</p>
<dl>
${lastBlock(target, now)}
${winRate(target)}
${figure('Won by FIBRE', count(target.fibreWins))}
${figure('Won by compact block', count(target.compactWins), target.otherWins === 0 ? '' : `${count(target.otherWins)} by neither`)}
${figure('Blocks', count(target.blocks), `${count(races(target))} with a race`)}
${figure('Events lost', count(target.eventsLost), target.eventsLost === 0 ? '' : 'so other figures are too low')}
</dl>
${probeTable(target.probes)}
</section>
`
}

function lastBlock({ lastHeight, lastBlockAt }: TargetStatus, now: number): Html {
  if (lastHeight === undefined) return figure('Last block', 'none yet')
  return figure(
    'Last block',
    count(lastHeight),
    lastBlockAt ? html`<time datetime="${lastBlockAt.toISOString()}">${age(lastBlockAt, now)} ago</time>` : '',
  )
}

function winRate(target: TargetStatus): Html {
  const of = races(target)
  if (of === 0) return figure('FIBRE win rate', 'no race yet')
  return figure('FIBRE win rate', `${Math.round((100 * target.fibreWins) / of)}%`, `${count(target.fibreWins)} of ${count(of)} races`)
}

function figure(name: string, value: string, note: string | Html = ''): Html {
  return html`<div><dt>${name}</dt><dd>${value}${note === '' ? '' : html`<small>${note}</small>`}</dd></div>`
}

function probeTable(probes: readonly ProbeStatus[]): Html {
  const attached = probes.filter((probe) => probe.attached).length
  return html`<table>
<caption>${attached} of ${probes.length} tracepoints attached</caption>
<thead><tr><th scope="col">Tracepoint</th><th scope="col">State</th></tr></thead>
<tbody>
${probes.map(
  ({ probe, attached, reason }) => html`<tr><th scope="row">${breakable(probe)}</th><td${attached ? '' : html` class="bad"`}>${
    attached ? 'attached' : `missing${reason === undefined ? '' : `: ${reason}`}`
  }</td></tr>
`,
)}</tbody>
</table>`
}

/** Lets a tracepoint's name wrap where its words end. */
function breakable(probe: string): Html[] {
  return probe.split(/(?<=[:_])/).map((word) => html`${word}<wbr>`)
}

function races({ fibreWins, compactWins, otherWins }: TargetStatus): number {
  return fibreWins + compactWins + otherWins
}

function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Time since `then` in its two largest units. */
function age(then: Date, now: number): string {
  const seconds = Math.max(0, Math.floor((now - then.getTime()) / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days > 0) return `${days} d ${hours % 24} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  return minutes > 0 ? `${minutes} min` : `${seconds} s`
}
