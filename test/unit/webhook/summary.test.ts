import { expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { slowBlockSummary } from '../../../agent/webhook/summary.ts'
import { hashOf } from '../blocks/events.ts'
import { slowAlert, slowBlock } from './slow-block.ts'

const known = { height: 900_123, reconstruction_peer: '203.0.113.7:8333' }

it.for<[fields: Partial<BlockRecord>, summary: string]>([
  [
    { ...known, reconstruction_ms: 132.14, reconstructed_to_connected_ms: 45, connect_ms: 40 },
    'very slow block 900123 of n: by FIBRE from 203.0.113.7:8333 in 177 ms, 132 ms of it reconstruction',
  ],
  [
    { ...known, reconstruction_ms: 51.26, reconstructed_to_connected_ms: 260, connect_ms: 200 },
    'slow block 900123 of n: by FIBRE from 203.0.113.7:8333 in 311 ms, 200 ms of it validation',
  ],
  [
    { ...known, reconstruction_ms: 51.26, reconstructed_to_connected_ms: 260 },
    'slow block 900123 of n: by FIBRE from 203.0.113.7:8333 in 311 ms, 260 ms of it waiting for validation',
  ],
  [
    { ...known, path: 'bip152_cmpct', reconstructed_to_connected_ms: -30, connect_ms: 40 },
    'slow block 900123 of n: by FIBRE from 203.0.113.7:8333 in 60 ms (a compact block came first)',
  ],
  [{ reconstruction_ms: 51.26 }, `slow block ${hashOf(7)} of n: by FIBRE in 51.3 ms`],
])('tells of a slow block in one sentence: %o', ([fields, summary]) => {
  expect(slowBlockSummary(slowBlock(7, fields), slowAlert(7, fields))).toBe(summary)
})
