import { pathStyles } from '../../blocks/path-styles.ts'
import type { BlockRecord } from '../../blocks/record.ts'
import { type SlowThresholds, severityOf } from '../../blocks/severity.ts'
import type { HeldBlock } from '../history.ts'
import { foreignText, formatCount, formatMs, timeElement } from './format.ts'
import { elementId, type Html, html } from './html.ts'

export const rowId = ({ node, block_hash }: BlockRecord) => elementId('block', node, block_hash)

/** Names of the columns; client.css has them too, for narrow screens, and hides those of FIBRE, or those of messages. */
export const blockColumns = [
  'Height',
  'Time',
  'Node',
  'Hash',
  'Path',
  'Head start',
  'Reconstruction',
  'Chunks',
  'Missing tx',
  'Announced by',
  'Requested tx',
  'To connected',
  'Connect',
  'Pool',
]

/** Renders a block as a row of the table. client.js opens the link's target below it. End tags that HTML does without are left out. */
export function renderRow({ record, isFinal }: HeldBlock, thresholds: SlowThresholds): Html {
  const orUnknown = orPending(isFinal ? '–' : '…')
  return html`<tr id="${rowId(record)}"><th scope="row"><a href="block?hash=${record.block_hash}">${record.height === undefined ? 'no height' : formatCount(record.height)}</a><td>${timeElement(record.time)}<td>${foreignText(record.node, 40)}<td><code>…${record.block_hash.slice(-10)}</code><td>${path(record, isFinal)}<td>${orUnknown(headStart(record))}<td>${orUnknown(reconstruction(record, thresholds))}<td>${orUnknown(chunks(record))}<td>${orUnknown(record.missing_transactions, formatCount)}<td>${orUnknown(record.announced_by, (peer) => foreignText(peer, 24))}<td>${orUnknown(requested(record))}<td>${orUnknown(record.first_sign_to_connected_ms, formatMs)}<td>${orUnknown(record.connect_ms, formatMs)}<td>${orUnknown(record.pool, (pool) => foreignText(pool, 24))}
`
}

const orPending =
  (none: string) =>
  <T extends Html | string | number>(value: T | undefined, write: (value: T) => Html | string = (value) => html`${value}`) =>
    value === undefined ? none : write(value)

function path({ path }: BlockRecord, isFinal: boolean): Html | string {
  // Only at the end is it certain that there was no race.
  if (!isFinal && path === 'unknown') return '…'
  const { name, colour } = pathStyles[path]
  return html`<span class="path ${colour}">${name}</span>`
}

function headStart({ first_started: first, head_start_ms: ms, head_start_is_lower_bound: isBound }: BlockRecord): Html | undefined {
  if (first === undefined || ms === undefined) return undefined
  return html`${first === 'fibre_udp' ? 'FIBRE' : 'compact'} ${isBound ? '≥ ' : ''}${formatMs(ms)}`
}

function reconstruction(record: BlockRecord, thresholds: SlowThresholds): Html | undefined {
  if (record.reconstruction_ms === undefined) return undefined
  const severity = severityOf(record, thresholds)
  const mark = severity && (severity === 'slow' ? html` <b class="slow">slow</b>` : html` <b class="very-slow">very slow</b>`)
  return html`${formatMs(record.reconstruction_ms)}${mark ?? ''}`
}

/** Nothing was requested for a compact block that needed no round trip. */
function requested({ path, requested_transactions: count }: BlockRecord): string | undefined {
  if (count !== undefined) return formatCount(count)
  return path === 'compact_block' ? '0' : undefined
}

function chunks({ chunks_used: used, chunks_received: received }: BlockRecord): string | undefined {
  return used === undefined || received === undefined ? undefined : `${formatCount(used)} of ${formatCount(received)}`
}
