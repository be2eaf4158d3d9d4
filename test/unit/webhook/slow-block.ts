import type { BlockRecord } from '../../../agent/blocks/record.ts'

export const thresholds = { slowMs: 50, verySlowMs: 100 }

export const hashOf = (number: number) => number.toString(16).padStart(64, '0')

/** The record of a slow block, of which little is known. */
export function slowBlock(number: number, fields: Partial<BlockRecord> = {}): BlockRecord {
  return {
    schema: 1,
    time: '2026-11-22T16:21:36.123456Z',
    node: 'n',
    block_hash: hashOf(number),
    path: 'fibre_udp',
    reconstruction_ms: 60,
    ...fields,
  }
}
