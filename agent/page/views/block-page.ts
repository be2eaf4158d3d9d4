import type { BlockRecord } from '../../blocks/record.ts'
import type { RecordField } from '../../blocks/record-field.ts'
import { recordFields } from '../../blocks/record-fields.ts'
import type { PageAnswer } from '../answer.ts'
import type { HeldBlock } from '../history.ts'
import { rowId } from './block-row.ts'
import { foreignText, formatCount } from './format.ts'
import { type Html, html, nothing } from './html.ts'
import { documentAnswer } from './layout.ts'

const MOST_CHARACTERS = 300

/** Renders all that is known of one block, on each node. client.js shows a node's part of it below a row. */
export function renderBlockPage(hash: string, held: readonly HeldBlock[]): PageAnswer {
  if (held.length === 0) return { status: 404, body: 'This block is not held: it is older, or was never seen.\n' }
  return documentAnswer({
    title: `Block ${hash}`,
    body: html`<header><h1>Block</h1><p><a href=".">All blocks</a></p></header>
<main>
<p class="wraps"><code>${hash}</code></p>
${held.map((one) => html`<div class="card"><h2>${foreignText(one.record.node, 100)}</h2>${renderDetail(one)}</div>`)}
</main>`,
  })
}

function renderDetail({ record, isFinal }: HeldBlock): Html {
  const height = record.height === undefined ? '' : ` ${formatCount(record.height)}`
  return html`<section id="${rowId(record)}-detail" class="detail" aria-label="Block${height} on ${record.node}">
${isFinal ? nothing : html`<p class="quiet">More may become known of this block within seconds.</p>`}
<dl>${Object.entries(recordFields).map(([name, field]) => renderField(record, name, field))}</dl>
<p class="quiet">A field that is not here is not known. As JSON: <a href="api/v1/blocks?hash=${record.block_hash}">api/v1/blocks?hash=${record.block_hash}</a></p>
</section>`
}

function renderField(record: BlockRecord, name: string, { meaning }: RecordField<unknown>): Html {
  const value = record[name as keyof BlockRecord]
  if (value === undefined) return nothing
  return html`<div><dt>${name}</dt><dd>${renderValue(value)}<small>${renderCode(meaning)}</small></dd></div>
`
}

function renderValue(value: string | number | boolean): Html {
  if (typeof value === 'boolean') return html`${value ? 'yes' : 'no'}`
  if (typeof value === 'number') return html`${value}`
  const rest = value.length > MOST_CHARACTERS ? html` <em>(${formatCount(value.length)} characters; the JSON has them all)</em>` : nothing
  return html`${foreignText(value, MOST_CHARACTERS)}${rest}`
}

function renderCode(text: string): Html[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))
}
