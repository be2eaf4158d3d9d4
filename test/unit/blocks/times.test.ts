import { describe, expect, it } from 'vitest'
import { type BlockRecord, recordOf } from '../../../agent/blocks/record.ts'
import type { BlockEvent } from '../../../agent/tracepoints/index.ts'
import { eventOf, FIBRE, startBlocks } from './events.ts'
import { microsecondsOf } from './expected-record.ts'

/** Start of a wall clock that is stepped back by an hour between reconstruction and connection. */
const NOON = Date.parse('2026-11-22T12:00:00Z') / 1e3
const unixSeconds = (stampNs: number) => NOON + stampNs / 1e9 - (stampNs < 40e6 ? 0 : 3600)

const headerChunk = { hashPrefix: 'a', queueUs: 10, mapsUs: 5, chunkUs: 3, finishUs: 2 }
const hit = (probe: BlockEvent['probe'], stampNs: number, fields: object): BlockEvent =>
  ({ ...eventOf(probe, {}), stampNs, unixSeconds: unixSeconds(stampNs), ...fields }) as BlockEvent
const events = {
  headerChunk: hit('udp:block_header_chunk', 11_000_123, headerChunk),
  reconstructed: hit('udp:block_reconstructed', 30_000_777, { blockHash: 'a', durationUs: 20_000 }),
  connected: hit('validation:block_connected', 50_000_000, { blockHash: 'a' }),
  winner: hit('udp:block_race_winner', 53_000_111, { blockHash: 'a', winner: FIBRE }),
  times: hit('udp:block_race_time', 53_010_222, { blockHash: 'a', udpNs: 44_000_000, cmpctNs: -1 }),
}

const recordFrom = (...names: readonly (keyof typeof events)[]) => recordOfEvents(names.map((name) => events[name]))

function recordOfEvents(events: readonly BlockEvent[]): BlockRecord {
  const records: BlockRecord[] = []
  const { blocks, observe } = startBlocks((outcome, block) => outcome === 'closed' && records.push(recordOf(block)))
  observe(...events)
  blocks.advance(Number.POSITIVE_INFINITY)
  return records[0] as BlockRecord
}

/** µs after the stamp 0 of a clock as it was when the block was connected. */
const us = (time: string | undefined) => microsecondsOf(time) - (NOON - 3600) * 1e6

it('the times of day of a block differ as its stamps do, also where the wall clock was stepped meanwhile', () => {
  const record = recordFrom('reconstructed', 'connected', 'winner', 'times')
  expect(us(record.reconstructed_at)).toBe(30_001)
  expect(us(record.connected_at)).toBe(50_000)
  expect(us(record.winner_known_at)).toBe(53_000)
  expect(record.time).toBe(record.connected_at)
  const { reconstructed_to_connected_ms = 0, connected_to_winner_ms = 0 } = record
  expect(us(record.connected_at) - us(record.reconstructed_at)).toBeCloseTo(1e3 * reconstructed_to_connected_ms, -0.5)
  expect(us(record.winner_known_at) - us(record.connected_at)).toBeCloseTo(1e3 * connected_to_winner_ms, -0.5)
})

describe('the first FIBRE packet came', () => {
  it('as long before the reconstruction as that took, where there was one', () => {
    expect(us(recordFrom('headerChunk', 'reconstructed', 'connected', 'winner', 'times').first_chunk_at)).toBe(10_001)
  })

  it('else as long before the winner was named as the race says, not before the connection', () => {
    expect(us(recordFrom('headerChunk', 'connected', 'winner', 'times').first_chunk_at)).toBe(9_000)
    expect(us(recordFrom('connected', 'times').first_chunk_at)).toBe(9_010)
  })

  it('else as long before the header chunk was done as that took', () => {
    expect(us(recordFrom('headerChunk', 'connected').first_chunk_at)).toBe(10_980)
  })

  it('never after the reconstruction, though its duration is not known, or none', () => {
    const { reconstructed } = events
    for (const durationUs of [undefined, -5_000]) {
      const early = { ...reconstructed, durationUs, stampNs: 8_000_000 } as BlockEvent
      expect(us(recordOfEvents([early, events.connected, events.winner, events.times]).first_chunk_at)).toBe(8_000)
    }
  })
})
