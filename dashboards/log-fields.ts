import { recordFields } from '../agent/blocks/record-fields.ts'

export type FieldKind = 'text' | 'number'

interface Log {
  readonly service: string
  /** Structured metadata of the log's lines. */
  readonly fields: Readonly<Record<string, FieldKind>>
}

/** Labels by which Loki indexes lines. */
export const streamLabels = ['job', 'node', 'service_name'] as const

/** Loki has the time and the node of a record with its line, not as fields. */
const { time: _time, node: _node, ...recorded } = recordFields

const kindOf = (kind: (typeof recordFields)[keyof typeof recordFields]['kind']): FieldKind =>
  kind === 'integer' || kind === 'decimal' ? 'number' : 'text'

/** The logs that the Collector sends to Loki, by job, with every field that queries may use. */
export const logs = {
  bitcoin: {
    service: 'bitcoind',
    fields: {
      suppressing: 'text',
      thread: 'text',
      source: 'text',
      function: 'text',
      category: 'text',
      level: 'text',
      block_hash: 'text',
      height: 'number',
      prefilled_transactions: 'number',
      mempool_transactions: 'number',
      extra_pool_transactions: 'number',
      requested_transactions: 'number',
      requested_bytes: 'number',
      winner: 'text',
      winner_peer: 'text',
      udp_ms: 'number',
      udp_peer: 'text',
      cmpct_ms: 'number',
      cmpct_peer: 'text',
      log_file_name: 'text',
    },
  },
  /** Only the fields that every line has. */
  'fibre-agent': { service: 'fibre-agent', fields: { level: 'text', msg: 'text', log_file_name: 'text' } },
  'fibre-blocks': {
    service: 'fibre-agent',
    fields: Object.fromEntries(Object.entries(recorded).map(([name, { kind }]) => [name, kindOf(kind)])),
  },
} as const satisfies Readonly<Record<string, Log>>
