import type { BlockRecord } from '../../blocks/record.ts'
import { type Severity, type SlowThresholds, severityOf } from '../../blocks/severity.ts'
import type { Style } from './terminal.ts'

/** How much a cell says: all there is where nothing bounds it, the least where columns that are kept would be left out otherwise. */
export type Form = 'whole' | 'usual' | 'short'

/** Columns up to this rank are kept, and so many that know something, where need be with the short forms of others. */
export const KEPT_RANK = 7
export const KEPT_COLUMNS = 6

export interface Column {
  readonly title: string
  /** Columns of the highest ranks are left out first where room is short. */
  readonly rank: number
  /** Has the highest rank where all rows say the same. */
  readonly isOmittedAlike?: true
  readonly isNumber?: true
  /** `undefined` where it is not known. */
  readonly text: (record: BlockRecord, form: Form) => string | undefined
  readonly style?: (record: BlockRecord, thresholds: SlowThresholds) => Style | undefined
}

/** A path as the table shows it where room is short. */
export const shortPath = (path: BlockRecord['path']): string => path.replace('compact_block_round', 'round')

/** The columns of a table of blocks. Text of others comes last, where it disturbs no column even on a terminal with ideas of its own. */
export const columns: readonly Column[] = [
  { title: 'time (UTC)', rank: 4, text: ({ time }, form) => time.slice(form === 'short' ? 'YYYY-'.length : 0, 19).replace('T', ' ') },
  { title: 'height', rank: 1, isNumber: true, text: ({ height }) => height?.toString() },
  { title: 'path', rank: 2, text: ({ path }, form) => (form === 'short' ? shortPath(path) : path) },
  { title: 'head start ms', rank: 6, isNumber: true, text: headStart },
  {
    title: 'reconstr ms', // as long as leaves room for the hash in 80 columns
    rank: 3,
    isNumber: true,
    text: ({ reconstruction_ms }) => tenths(reconstruction_ms),
    style: slowness,
  },
  {
    title: 'total ms', // from the first sign of the block to connected
    rank: 8,
    isNumber: true,
    text: ({ first_sign_to_connected_ms }) => tenths(first_sign_to_connected_ms),
  },
  {
    title: 'requested',
    rank: 9,
    isNumber: true,
    text: ({ requested_transactions }) => requested_transactions?.toString(),
  },
  { title: 'missing txs', rank: 11, isNumber: true, text: ({ missing_transactions }) => missing_transactions?.toString() },
  { title: 'chunks', rank: 13, isNumber: true, text: ({ chunks_used, chunks_received }) => chunks(chunks_used, chunks_received) },
  { title: 'connect ms', rank: 10, isNumber: true, text: ({ connect_ms }) => tenths(connect_ms) },
  { title: 'txs', rank: 12, isNumber: true, text: ({ transactions }) => transactions?.toString() },
  { title: 'hash', rank: 7, text: ({ block_hash }, form) => (form === 'whole' ? block_hash : `…${block_hash.slice(-8)}`) },
  { title: 'node', rank: 5, isOmittedAlike: true, text: ({ node }) => node },
  { title: 'pool', rank: 14, text: ({ pool }) => pool },
  { title: 'winning peer', rank: 15, text: ({ winner_peer }) => winner_peer },
]

/** The mechanism that started first, `FIBRE` or `cmpct`, and its head start. */
function headStart({ first_started, head_start_ms, head_start_is_lower_bound }: BlockRecord): string | undefined {
  if (first_started === undefined || head_start_ms === undefined) return undefined
  const first = first_started === 'fibre_udp' ? 'FIBRE' : first_started.split('_').at(-1)
  return `${first} ${head_start_is_lower_bound ? '≥ ' : ''}${tenths(head_start_ms)}`
}

const severityStyles = { slow: 'yellow', very_slow: 'red' } as const satisfies Record<Severity, Style>

function slowness(record: BlockRecord, thresholds: SlowThresholds): Style | undefined {
  const severity = severityOf(record, thresholds)
  return severity && severityStyles[severity]
}

/** Used of received. */
function chunks(used: number | undefined, received: number | undefined): string | undefined {
  return used === undefined && received === undefined ? undefined : `${used ?? '?'}/${received ?? '?'}`
}

/** Not by the machine's language: what is printed is also read by programs. */
export function tenths(ms: number): string
export function tenths(ms: number | undefined): string | undefined
export function tenths(ms: number | undefined): string | undefined {
  return ms?.toFixed(1)
}
