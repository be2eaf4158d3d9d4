import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { type SlowBlockPayload, slowBlockPayload } from '../../../agent/webhook/payload.ts'
import { hashOf } from '../blocks/events.ts'

export const thresholds = { slowMs: 50, verySlowMs: 100 }

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

/** The payload of a slow block. */
export function slowAlert(number: number, fields?: Partial<BlockRecord>): SlowBlockPayload {
  return slowBlockPayload(slowBlock(number, fields), thresholds) as SlowBlockPayload
}
