import { describe, expect, it } from 'vitest'
import type { Block } from '../../../../agent/blocks/block.ts'
import { Blocks } from '../../../../agent/blocks/blocks.ts'
import { type BlockRecord, recordOf } from '../../../../agent/blocks/record.ts'
import { blockMetrics } from '../../../../agent/metrics/block-metrics.ts'
import type { LoggedMessage } from '../../../../agent/sources/source.ts'
import type { BlockEvent } from '../../../../agent/tracepoints/index.ts'
import { connected, eventOf, FIBRE, hashOf, winnerIs } from '../events.ts'

const hash = hashOf(1)
const ns = (seconds: number) => Math.round(seconds * 1e9)

const message = (type: LoggedMessage['type'], at: number, more: Partial<LoggedMessage> = {}): LoggedMessage => {
  return { node: 'n', type, hash, peer: 3, size: undefined, isInbound: true, isFirst: false, stampNs: ns(at), unixSeconds: at, ...more }
}
const reconstruction = (requested: number, at: number, more: { readonly requestedBytes?: number; readonly peer?: number } = {}) =>
  eventOf('net:compact_block_reconstructed', { blockHash: hash, requested, stampNs: ns(at), unixSeconds: at, ...more })
const connection = (at: number) => ({ ...connected(hash, at), unixSeconds: at, durationNs: 80e6 })

type Line = LoggedMessage | ReturnType<typeof reconstruction> | BlockEvent

/** What is told of a block in the end, of a node whose log tells this. */
function recordFrom(...lines: readonly Line[]) {
  return recordOfNode(false, lines)
}

function recordOfNode(hasFibre: boolean, lines: readonly Line[]) {
  const closed: Block[] = []
  const announcements: unknown[] = []
  const blocks = new Blocks('n', (milestone, block) => milestone === 'closed' && closed.push(block), {
    onAnnouncement: (announcement) => announcements.push(announcement),
  })
  blocks.racesVisible = hasFibre
  for (const line of lines) {
    if ('type' in line) blocks.observeLogged(line, line.isFirst)
    else if (line.probe === 'net:compact_block_reconstructed') blocks.observeReconstruction(line)
    else blocks.observe(line)
  }
  blocks.advance(1000e9)
  const block = closed[0] as Block
  const record: Partial<BlockRecord> = JSON.parse(JSON.stringify(recordOf(block)))
  const measured = blockMetrics.closed.flatMap(({ name, measure }) => {
    const value = measure(block)
    return value === undefined || name === 'bitcoin_block_announced_to_connected_seconds'
      ? []
      : [[name.replace(/^bitcoin_compact_block_/, ''), value]]
  })
  return { record, announcements, measured: Object.fromEntries(measured) }
}

describe('a compact block that the node says it made a block of', () => {
  it('with transactions that it asked for took a round trip, whose times and size messages tell', () => {
    const { record, measured, announcements } = recordFrom(
      message('cmpctblock', 10, { isFirst: true, size: 14_000 }),
      message('getblocktxn', 10.002, { isInbound: false }),
      message('blocktxn', 10.05, { size: 5033 }),
      reconstruction(12, 10.051, { peer: 3, requestedBytes: 5000 }),
      connection(10.2),
      message('headers', 10.25, { isInbound: false, peer: 7 }),
    )
    expect(record).toMatchObject({
      path: 'compact_block_round_trip',
      announced_by: 'peer=3',
      announced_message: 'cmpctblock',
      compact_block_peer: 'peer=3',
      compact_block_bytes: 14_000,
      requested_transactions: 12,
      requested_bytes: 5033,
      told_peer: 'peer=7',
      announced_to_received_ms: 0,
      received_to_requested_ms: 2,
      round_trip_ms: 48,
      received_to_validation_ms: 70,
      validation_ms: 80,
      connected_to_told_ms: 50,
    })
    // Of later announcements the log does not tell: it must not seem that there were none.
    expect(record).not.toHaveProperty('announcers')
    expect(announcements).toEqual([])
    expect(measured).toMatchObject({ requested_transactions: 12, requested_bytes: 5033, round_trip_seconds: expect.closeTo(0.048, 6) })
    expect(measured.reconstructions_total).toMatchObject({ value: 1, labels: { result: 'round_trip' } })
  })

  it.each([
    [12, 5000, 5033],
    [300, 90_000, 90_035],
  ])('and nothing else has what it asked for: %d transactions of %d bytes', (requested, requestedBytes, messageBytes) => {
    const { record, measured } = recordFrom(reconstruction(requested, 10, { requestedBytes }), connection(10.2))
    expect(record).toMatchObject({
      path: 'compact_block_round_trip',
      requested_transactions: requested,
      requested_bytes: messageBytes,
      joined_stages: 'announced_to_received+received_to_requested+round_trip',
    })
    for (const name of ['compact_block_at', 'compact_block_peer', 'requested_at', 'requested_received_at'])
      expect(record).not.toHaveProperty(name)
    expect(measured).toMatchObject({ requested_transactions: requested, requested_bytes: messageBytes })
    expect(measured).not.toHaveProperty('round_trip_seconds')
  })

  it('before Bitcoin Core 30 has no bytes', () => {
    const { record, measured } = recordFrom(reconstruction(12, 10), connection(10.2))
    expect(record).toMatchObject({ path: 'compact_block_round_trip', requested_transactions: 12 })
    expect(record).not.toHaveProperty('requested_bytes')
    expect(Object.keys(measured)).toEqual(['reconstructions_total', 'requested_transactions'])
  })

  it('without any came at once', () => {
    const { record, measured } = recordFrom(message('headers', 9.9, { isFirst: true, peer: 5 }), reconstruction(0, 10), connection(10.2))
    expect(record).toMatchObject({
      path: 'compact_block',
      announced_by: 'peer=5',
      joined_stages: 'announced_to_received+received_to_validation',
    })
    expect(measured).toEqual({ reconstructions_total: expect.objectContaining({ labels: { result: 'no_round_trip' } }) })
  })

  it('is not how a block came that FIBRE won, or that was connected before', () => {
    expect(recordFrom(reconstruction(0, 10), connection(10.2), winnerIs(hash, FIBRE, 10.3)).record.path).toBe('fibre_udp')
    expect(recordFrom(connection(10.2), reconstruction(0, 10.3)).record.path).toBe('unknown')
  })
})

describe('a whole block', () => {
  it('is what the node received before it connected it', () => {
    const { record, measured } = recordFrom(
      message('cmpctblock', 10, { isFirst: true }),
      message('block', 10.1, { size: 1_500_000 }),
      connection(10.2),
    )
    expect(record).toMatchObject({ path: 'full_block', full_block_bytes: 1_500_000, announced_to_received_ms: 100 })
    expect(measured).toEqual({ reconstructions_total: expect.objectContaining({ labels: { result: 'full_block' } }) })
    expect(recordFrom(message('block', 10.1), connection(10.2)).measured).toEqual({})
  })

  it('is not supposed where none is told, be the block announced or not', () => {
    expect(recordFrom(connection(10.2)).record.path).toBe('unknown')
    expect(recordFrom(message('headers', 10, { isFirst: true }), connection(10.2)).record.path).toBe('unknown')
  })
})

it('a compact block of which the log does not tell that it was the first sign announced nothing', () => {
  const { record } = recordFrom(message('cmpctblock', 10), connection(10.2))
  expect(record).toMatchObject({ compact_block_peer: 'peer=3' })
  expect(record).not.toHaveProperty('announced_by')
})

it('a block of a FIBRE node that came without FIBRE has no race, be it announced or not: the log need not tell of the message that brought it', () => {
  const lines = [[], [message('headers', 10, { isFirst: true })]]
  expect(lines.map((before) => recordOfNode(true, [...before, connection(10.2)]).record.path)).toEqual(['no_race', 'no_race'])
})

it('blocks that the log tells to be announced or reconstructed are news, however fast they come', () => {
  const told: string[] = []
  const blocks = new Blocks('n', (milestone) => told.push(milestone))
  blocks.racesVisible = false
  for (let height = 1; height <= 30; height++) {
    const [blockHash, at] = [hashOf(height), 10 + height]
    if (height % 2) blocks.observeLogged(message('headers', at, { hash: blockHash }), true)
    else blocks.observeReconstruction({ ...reconstruction(0, at), blockHash })
    blocks.observe({ ...connected(blockHash, at + 0.1), height })
  }
  blocks.advance(1000e9)
  expect(Object.groupBy(told, (one) => one)).toMatchObject({ connected: { length: 30 }, closed: { length: 30 } })
  expect(told).not.toContain('caughtUp')
})
