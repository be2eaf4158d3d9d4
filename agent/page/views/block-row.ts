import type { BlockRecord } from '../../blocks/record.ts'
import { type SlowThresholds, severityOf } from '../../blocks/severity.ts'
import type { Held } from '../history.ts'
import { pathLooks, pathNames } from './block-path.ts'
import { idOf } from './element-id.ts'
import { count, foreign, milliseconds, moment } from './format.ts'
import { type Html, html } from './html.ts'

export const rowId = ({ node, block_hash }: BlockRecord) => idOf('block', node, block_hash)

/** The columns' names; the page's style has them, too, for where rows are cards. */
export const columns = ['Height', 'Time', 'Node', 'Hash', 'Path', 'Head start', 'Reconstruction', 'Chunks', 'Missing tx', 'Connect', 'Pool']

/** A block in one line. The page's script opens the link's target below it. End tags are left out where HTML does without. */
export function blockRow({ record, isFinal }: Held, thresholds: SlowThresholds): Html {
  const orUnknown = orPending(isFinal ? '–' : '…')
  return html`<tr id="${rowId(record)}"><th scope="row"><a href="block?hash=${record.block_hash}">${record.height === undefined ? 'no height' : count(record.height)}</a><td>${moment(record.time)}<td>${foreign(record.node, 40)}<td><code>…${record.block_hash.slice(-10)}</code><td>${path(record, isFinal)}<td>${orUnknown(headStart(record))}<td>${orUnknown(reconstruction(record, thresholds))}<td>${orUnknown(chunks(record))}<td>${orUnknown(record.missing_transactions, count)}<td>${orUnknown(record.connect_ms, milliseconds)}<td>${orUnknown(record.pool, (pool) => foreign(pool, 24))}
`
}

const orPending =
  (none: string) =>
  <T extends Html | string | number>(value: T | undefined, write: (value: T) => Html | string = (value) => html`${value}`) =>
    value === undefined ? none : write(value)

function path({ path }: BlockRecord, isFinal: boolean): Html | string {
  // Whether there was a race is known for certain at the end only.
  if (!isFinal && path === 'unknown') return '…'
  return html`<span class="path ${pathLooks[path]}">${pathNames[path]}</span>`
}

function headStart({ first_started: first, head_start_ms: ms, head_start_is_lower_bound: isBound }: BlockRecord): Html | undefined {
  if (first === undefined || ms === undefined) return undefined
  return html`${first === 'fibre_udp' ? 'FIBRE' : 'compact'} ${isBound ? '≥ ' : ''}${milliseconds(ms)}`
}

function reconstruction(record: BlockRecord, thresholds: SlowThresholds): Html | undefined {
  if (record.reconstruction_ms === undefined) return undefined
  const severity = severityOf(record, thresholds)
  const mark = severity && (severity === 'slow' ? html` <b class="slow">slow</b>` : html` <b class="very-slow">very slow</b>`)
  return html`${milliseconds(record.reconstruction_ms)}${mark ?? ''}`
}

function chunks({ chunks_used: used, chunks_received: received }: BlockRecord): string | undefined {
  return used === undefined || received === undefined ? undefined : `${count(used)} of ${count(received)}`
}
