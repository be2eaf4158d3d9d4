import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '../../../../agent/blocks/record.ts'
import { summarise } from '../../../../agent/blocks/summary/summary.ts'

/** Paths that only messages tell of. */
const noneByMessages = { compact_block: 0, compact_block_round_trip: 0, full_block: 0, mined_here: 0 }

const block = (fields: Partial<BlockRecord>): BlockRecord => ({
  schema: 1,
  time: '2026-11-22T00:00:00.000000Z',
  node: 'n',
  block_hash: 'ab',
  path: 'unknown',
  ...fields,
})

it('counts blocks by how they came, and those that were never connected', () => {
  const paths = ['fibre_udp', 'fibre_udp', 'fibre_udp', 'bip152_cmpct', 'other', 'no_race', 'unknown', 'unknown'] as const
  const summary = summarise(paths.map((path, index) => block({ path, ...(index < 7 && { connected_at: '2026-11-22T00:00:00.000000Z' }) })))
  expect(summary).toMatchObject({
    blocks: 8,
    connected: 7,
    neverConnected: 1,
    paths: { fibre_udp: 3, bip152_cmpct: 1, other: 1, no_race: 1, unknown: 1, ...noneByMessages },
    races: 5,
    fibreWinRate: 3 / 5,
    raceCoverage: 5 / 6,
  })
})

it('counts the races of blocks whose path messages tell by their winner, and those without one by their coverage', () => {
  const summary = summarise([
    block({ path: 'fibre_udp', winner: 'FIBRE/UDP', coverage: 'udp_only' }),
    block({ path: 'compact_block', winner: 'BIP152/CMPCTBLOCK', coverage: 'both' }),
    block({ path: 'compact_block_round_trip', winner: 'BIP152/CMPCTBLOCK', coverage: 'cmpct_only' }),
    block({ path: 'mined_here', coverage: 'none' }),
    block({ path: 'full_block' }),
  ])
  expect(summary).toMatchObject({ races: 3, fibreWinRate: 1 / 3, raceCoverage: 3 / 4 })
})

it('takes a path that it does not know for an unknown one', () => {
  for (const path of ['constructor', '__proto__', 'carrier_pigeon'] as never[])
    expect(summarise([block({ path })]).paths).toEqual({
      fibre_udp: 0,
      bip152_cmpct: 0,
      other: 0,
      no_race: 0,
      unknown: 1,
      ...noneByMessages,
    })
})

it('names times and nodes', () => {
  const times = ['2026-11-22T00:00:02.000000Z', '2026-11-22T00:00:01.000000Z', '2026-11-22T00:00:03.000000Z']
  const { from, to, nodes } = summarise(times.map((time, index) => block({ time, node: `n${index % 2}` })))
  expect({ from, to, nodes }).toEqual({ from: times[1], to: times[2], nodes: ['n0', 'n1'] })
})

describe('quantiles', () => {
  const ofReconstructions = (...times: readonly number[]) => summarise(times.map((ms) => block({ reconstruction_ms: ms }))).reconstruction

  it('are times that some block took, by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => (index * 37) % 100) // 0 to 99, mixed
    expect(ofReconstructions(...hundred)).toEqual({ count: 100, p50: 49, p95: 94, p99: 98 })
    expect(ofReconstructions(7, 9)).toEqual({ count: 2, p50: 7, p95: 9, p99: 9 })
    expect(ofReconstructions(10, 9, 100)).toEqual({ count: 3, p50: 10, p95: 100, p99: 100 })
    expect(ofReconstructions(7)).toEqual({ count: 1, p50: 7, p95: 7, p99: 7 })
  })

  it('of head starts are by who started first, exact ones and lower bounds together', () => {
    const { headStarts } = summarise([
      block({ first_started: 'fibre_udp', head_start_ms: 10, head_start_is_lower_bound: false }),
      block({ first_started: 'fibre_udp', head_start_ms: 30, head_start_is_lower_bound: true }),
      block({ first_started: 'bip152_cmpct', head_start_ms: 5, head_start_is_lower_bound: false }),
      block({ first_started: 'bip152_cmpct' }),
      block({}),
    ])
    expect(headStarts.fibre_udp).toEqual({ count: 2, p50: 10, p95: 30, p99: 30, lowerBounds: 1 })
    expect(headStarts.bip152_cmpct).toEqual({ count: 1, p50: 5, p95: 5, p99: 5, lowerBounds: 0 })
  })
})

describe('of ways by messages', () => {
  const at = (seconds: number) => `2026-11-22T00:00:${seconds.toFixed(6).padStart(9, '0')}Z`
  const direct = {
    path: 'compact_block',
    announced_at: at(0.9),
    compact_block_at: at(1),
    connected_at: at(1.25),
    slowest_stage: 'validation',
  } as const
  const asked = (bytes: number, tookSeconds: number) => ({
    ...direct,
    path: 'compact_block_round_trip' as const,
    requested_at: at(1.000_001),
    requested_received_at: at(1.000_001 + tookSeconds),
    requested_transactions: bytes / 100,
    requested_bytes: bytes,
    connected_at: at(2),
    slowest_stage: 'round_trip',
  })
  const whole = { path: 'full_block', announced_at: at(1), full_block_at: at(3), connected_at: at(3.5) } as const

  it('counts the compact blocks, those that took the whole block after all among them', () => {
    const failed = { ...whole, compact_block_at: at(1), requested_at: at(1.1), requested_transactions: 9, requested_bytes: 9 }
    const late = { ...whole, compact_block_at: at(3.6) }
    const records = [direct, direct, direct, asked(500, 0.1), failed, whole, late]
    expect(summarise(records.map(block))).toMatchObject({ compactBlocks: 5, withoutRoundTrip: 3 / 5, requestedBytes: { count: 1 } })
  })

  it('measures what was requested, and how long blocks took from announced to connected, to the µs', () => {
    const unheard = { path: 'fibre_udp', announced_at: at(5), connected_at: at(4.9) } as const
    expect(summarise([direct, asked(500, 0.123_456), asked(1500, 0.25), unheard].map(block))).toMatchObject({
      announcedToConnected: { count: 3, p50: 1100, p99: 1100 },
      roundTrip: { count: 2, p50: 123.456, p95: 250 },
      requestedTransactions: { count: 2, p50: 5, p99: 15 },
      requestedBytes: { count: 2, p50: 500, p99: 1500 },
    })
  })

  it('counts the stages that took the longest, the most frequent first', () => {
    const { slowestStages } = summarise([direct, asked(500, 0.1), asked(500, 0.1), whole].map(block))
    expect(Object.entries(slowestStages)).toEqual([
      ['round_trip', 2],
      ['validation', 1],
    ])
  })

  it('names the slowest from announced to connected, but of a node with FIBRE those that it reconstructed', () => {
    const slow = { ...direct, connected_at: at(9) }
    const records = [direct, slow, asked(500, 0.1)].map(block)
    expect(summarise(records).slowest.map(({ connected_at }) => connected_at)).toEqual([at(9), at(2), at(1.25)])
    expect(summarise([...records, block({ reconstruction_ms: 1 })]).slowest).toEqual([block({ reconstruction_ms: 1 })])
  })
})

it('names the five slowest, slowest first', () => {
  const times = [3, 9, undefined, 1, 8, 7, 2, 6]
  const { slowest } = summarise(times.map((ms) => block(ms === undefined ? {} : { reconstruction_ms: ms })))
  expect(slowest.map(({ reconstruction_ms }) => reconstruction_ms)).toEqual([9, 8, 7, 6, 3])
})

it('knows no rate and no quantile without blocks', () => {
  expect(summarise([])).toEqual({
    blocks: 0,
    connected: 0,
    neverConnected: 0,
    nodes: [],
    paths: { fibre_udp: 0, bip152_cmpct: 0, other: 0, no_race: 0, unknown: 0, ...noneByMessages },
    races: 0,
    headStarts: { fibre_udp: { count: 0, lowerBounds: 0 }, bip152_cmpct: { count: 0, lowerBounds: 0 } },
    reconstruction: { count: 0 },
    compactBlocks: 0,
    announcedToConnected: { count: 0 },
    roundTrip: { count: 0 },
    requestedTransactions: { count: 0 },
    requestedBytes: { count: 0 },
    slowestStages: {},
    slowest: [],
  })
})
