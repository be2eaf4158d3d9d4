import { MappingType } from '@grafana/grafana-foundation-sdk/dashboard'
import type { RecordFieldName } from '../agent/blocks/record.ts'
import { colouredBy } from './colour-steps.ts'
import type { Scope } from './names.ts'
import { logql, type PanelDefinition, type PanelSpec } from './panel.ts'
import { paths } from './paths.ts'
import { type Column, table } from './visualizations.ts'

/** The journal's records of the chosen nodes: a line of JSON for each block, every field of which Loki has. */
const records = (filter = ''): string => `${journal('node=~"$node"')}${filter && ` | ${filter}`}`

const journal = (scope: Scope): string => `{job="fibre-blocks", ${scope}}`

/** The mean of a field of the records over a window; records that lack the field do not count. */
export const meanOf = (field: RecordFieldName, window: string): string =>
  `avg_over_time(${records(`${field}!=""`)} | unwrap ${field} | __error__="" [${window}]) by (node)`

const path = {
  id: 'mappings',
  value: [
    {
      type: MappingType.ValueToText,
      options: paths,
    },
  ],
}
const lowerBound = {
  id: 'mappings',
  value: [{ type: MappingType.ValueToText, options: { true: { text: '≥' }, false: { text: '' } } }],
}

/** Heading and format of each field. */
const columns = {
  time: { heading: 'Time', width: 190, properties: [{ id: 'unit', value: 'time:YYYY-MM-DD HH:mm:ss' }] },
  node: { heading: 'Node', width: 130 },
  height: { heading: 'Height', width: 90, unit: 'none', decimals: 0 },
  block_hash: { heading: 'Hash' },
  path: { heading: 'Came by', width: 200, properties: [path, ...colouredBy()] },
  coverage: { heading: 'Started', width: 100 },
  winner_peer: { heading: 'From', width: 170 },
  first_started: { heading: 'First', width: 120, properties: [path, ...colouredBy()] },
  head_start_is_lower_bound: { heading: '≥', width: 40, properties: [lowerBound] },
  head_start_ms: { heading: 'Head start', width: 110, unit: 'ms' },
  reconstruction_ms: { heading: 'Reconstructed in', width: 140, unit: 'ms' },
  reconstructed_to_connected_ms: { heading: 'Reconstructed to connected', width: 200, unit: 'ms' },
  connected_to_winner_ms: { heading: 'Connected to winner', width: 160, unit: 'ms' },
  chunks_used: { heading: 'Chunks used', width: 110, unit: 'none' },
  chunks_received: { heading: 'received', width: 90, unit: 'none' },
  chunk_peers: { heading: 'Peers', width: 70, unit: 'none' },
  missing_transactions: { heading: 'Missing', width: 90, unit: 'none' },
  missing_bytes: { heading: 'Missing bytes', width: 120, unit: 'decbytes' },
  connect_ms: { heading: 'Connected in', width: 120, unit: 'ms' },
  transactions: { heading: 'Transactions', width: 110, unit: 'none' },
  pool: { heading: 'Pool', width: 140 },
  announced_by: { heading: 'Announced by', width: 120 },
  announced_message: { heading: 'Message', width: 110 },
  announcers: { heading: 'Announcers', width: 110, unit: 'none' },
  requested_transactions: { heading: 'Requested', width: 100, unit: 'none' },
  requested_bytes: { heading: 'Requested bytes', width: 140, unit: 'decbytes' },
  round_trip_ms: { heading: 'Round trip', width: 110, unit: 'ms' },
  first_sign_to_connected_ms: { heading: 'First sign to connected', width: 180, unit: 'ms' },
  slowest_stage: { heading: 'Slowest stage', width: 180 },
} satisfies Readonly<Partial<Record<RecordFieldName, Omit<Column, 'field'>>>>

/** Loki's own limit by default: the blocks of three nodes in eleven days. */
const MOST_LINES = 5000

interface RecordsSpec extends Omit<PanelSpec, 'queries'> {
  readonly fields: readonly (keyof typeof columns)[]
  /** A label filter of LogQL. */
  readonly filter?: string
  /** The field by which rows are sorted, largest first; by default the newest come first. */
  readonly largest?: RecordFieldName
  readonly rows: number
}

/** A table of the journal's records. */
export const recordsTable = ({ fields, filter, largest, rows, ...spec }: RecordsSpec): PanelDefinition =>
  table({
    ...spec,
    queries: [{ ...logql('', records(filter)), maxLines: largest ? MOST_LINES : rows }],
    columns: fields.map((field) => ({ field, ...columns[field] })),
    transformations: [
      // From the line rather than from the labels, which are all text, so that numbers stay numbers.
      // All fields; the columns are chosen later: a field chosen here and missing in a line would read "Not Found".
      { id: 'extractFields', options: { source: 'Line', format: 'json', replace: true } },
      { id: 'sortBy', options: { sort: [{ field: largest ?? 'time', desc: true }] } },
      { id: 'limit', options: { limitField: rows } },
    ],
  })

const noRecords = 'that the Collector of those nodes does not send the journal to Loki, or that no block came in this time'

/** The last blocks. */
export const blocksTable = (rows = 10): PanelDefinition =>
  recordsTable({
    title: 'Last blocks',
    question: 'How did each of the last blocks come?',
    reading: '"≥" marks a head start of which only a lower bound is known, a dash what is not known at all.',
    noData: noRecords,
    empty: 'no block in this time',
    fields: [
      'time',
      'node',
      'height',
      'path',
      'coverage',
      'first_started',
      'head_start_is_lower_bound',
      'head_start_ms',
      'reconstruction_ms',
      'chunks_used',
      'chunks_received',
      'connect_ms',
      'transactions',
      'pool',
    ],
    rows,
    width: 24,
    height: 11,
  })

/** The way of each of the last blocks by messages. */
export const relayTable = (rows = 25): PanelDefinition =>
  recordsTable({
    title: 'Way of the last blocks',
    question: 'Who announced each of the last blocks, what had to be requested, and what took the time?',
    reading: 'A dash is what is not known, or did not happen.',
    noData: noRecords,
    empty: 'no block in this time',
    fields: [
      'time',
      'node',
      'height',
      'path',
      'announced_by',
      'announced_message',
      'announcers',
      'requested_transactions',
      'requested_bytes',
      'round_trip_ms',
      'connect_ms',
      'first_sign_to_connected_ms',
      'slowest_stage',
      'pool',
    ],
    rows,
    width: 24,
    height: 11,
  })

/** The blocks that took the longest to reconstruct. */
export const slowestBlocks = (rows = 10): PanelDefinition =>
  recordsTable({
    title: 'Slowest blocks',
    question: 'Which blocks took the longest to reconstruct from chunks, and why?',
    reading:
      'Missing transactions have to come as chunks. Few chunks from many peers point to a slow network, many chunks from one peer to a mempool that lacks transactions. Of the newest 5,000 blocks.',
    noData: 'that no block was reconstructed in this time, or that Loki does not receive the journal',
    empty: 'no block reconstructed in this time',
    filter: 'reconstruction_ms!=""',
    largest: 'reconstruction_ms',
    fields: [
      'time',
      'node',
      'height',
      'reconstruction_ms',
      'reconstructed_to_connected_ms',
      'connect_ms',
      'chunks_used',
      'chunks_received',
      'chunk_peers',
      'missing_transactions',
      'missing_bytes',
      'transactions',
      'pool',
      'path',
    ],
    rows,
    width: 24,
    height: 11,
  })
