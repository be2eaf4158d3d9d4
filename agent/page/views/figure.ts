import type { BlockRecord } from '../../blocks/record.ts'
import type { Summary } from '../../blocks/summary/summary.ts'
import { formatCount, timeElement } from './format.ts'
import { type Html, html, nothing } from './html.ts'

/** What a card shows of the records of a node's blocks. */
export interface RecordFigures {
  readonly figures: Html
  readonly charts: Html
}

/** Renders a figure with its name, and a note below it. */
export function figure(name: string, value: string, note: Html = nothing, isBad = false): Html {
  return html`<div><dt>${name}</dt><dd>${isBad ? html`<span class="bad">${value}</span>` : value}${note === nothing ? note : html`<small>${note}</small>`}</dd></div>`
}

/** Renders the number of records. */
export const blocksCounted = (records: readonly BlockRecord[], blocks: number): Html =>
  figure('Blocks counted here', formatCount(blocks), html`since ${timeElement(records[0]?.time ?? '')}`)

/** Renders how many blocks came on no path. */
export const neverConnectedNote = ({ neverConnected }: Summary): Html =>
  neverConnected === 0
    ? nothing
    : html`<p class="quiet">Never connected: ${formatCount(neverConnected)} more, competing or a header alone</p>`

/** Renders the figures of records once for them, however often the page is. */
export function oncePerRecords<Options extends readonly unknown[]>(
  render: (records: readonly BlockRecord[], ...options: Options) => RecordFigures,
): typeof render {
  const cache = new WeakMap<readonly BlockRecord[], RecordFigures>()
  return (records, ...options) => {
    const rendered = cache.get(records) ?? render(records, ...options)
    cache.set(records, rendered)
    return rendered
  }
}
