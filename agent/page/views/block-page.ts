import type { BlockRecord } from '../../blocks/record.ts'
import { type RecordField, recordFields } from '../../blocks/record-fields.ts'
import type { Route, WholeAnswer } from '../../http/answer.ts'
import { shareLast } from '../answer-cache.ts'
import type { Held, History } from '../history.ts'
import { blockHash, explaining, readQuery } from '../query.ts'
import { rowId } from './block-row.ts'
import { count, foreign, nothing } from './format.ts'
import { type Html, html } from './html.ts'
import { documentAnswer } from './layout.ts'

const MOST_CHARACTERS = 300

/** All of one block, on each node that is known to have it. The page of all blocks shows the same below a row. */
export function blockPage(history: History): Route {
  const share = shareLast()
  return explaining((request) => {
    const { hash = '' } = readQuery(request, ['hash'])
    const known = blockHash('hash', hash)
    return share(`${history.changes} ${hash}`, () => pageOf(hash, history.find(known)))
  })
}

function pageOf(hash: string, held: readonly Held[]): WholeAnswer {
  if (held.length === 0) return { status: 404, body: 'This block is not held: it is older, or was never seen.\n' }
  return documentAnswer({
    title: `Block ${hash}`,
    body: html`<header><h1>Block</h1><p><a href=".">All blocks</a></p></header>
<main>
<p class="wraps"><code>${hash}</code></p>
${held.map((one) => html`<div class="card"><h2>${foreign(one.record.node, 100)}</h2>${detail(one)}</div>`)}
</main>`,
  })
}

function detail({ record, isFinal }: Held): Html {
  const height = record.height === undefined ? '' : ` ${count(record.height)}`
  return html`<section id="${rowId(record)}-detail" class="detail" aria-label="Block${height} on ${record.node}">
${isFinal ? nothing : html`<p class="quiet">More may become known of this block within seconds.</p>`}
<dl>${Object.entries(recordFields).map(([name, field]) => fieldOf(record, name, field))}</dl>
<p class="quiet">What is not here was not told. As JSON: <a href="api/v1/blocks?hash=${record.block_hash}">api/v1/blocks?hash=${record.block_hash}</a></p>
</section>`
}

function fieldOf(record: BlockRecord, name: string, { meaning }: RecordField<unknown>): Html {
  const value = record[name as keyof BlockRecord]
  if (value === undefined) return nothing
  return html`<div><dt>${name}</dt><dd>${written(value)}<small>${withCode(meaning)}</small></dd></div>
`
}

function written(value: string | number | boolean): Html {
  if (typeof value === 'boolean') return html`${value ? 'yes' : 'no'}`
  if (typeof value === 'number') return html`${value}`
  const rest = value.length > MOST_CHARACTERS ? html` <em>(${count(value.length)} characters; the JSON has them all)</em>` : nothing
  return html`${foreign(value, MOST_CHARACTERS)}${rest}`
}

function withCode(text: string): Html[] {
  return text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`))
}
