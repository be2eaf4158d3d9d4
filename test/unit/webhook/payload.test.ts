import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Blocks } from '../../../agent/blocks/blocks.ts'
import { recordOf } from '../../../agent/blocks/record.ts'
import { slowBlockPayload, toAsciiJson } from '../../../agent/webhook/payload.ts'
import { fieldsOf, readRecording } from '../../demo-node/recording.ts'
import { eventOf, hashOf } from '../blocks/events.ts'
import { slowBlock, thresholds } from './slow-block.ts'

const unknown = {
  height: null,
  src_peer: null,
  chunks_used: null,
  chunks_recvd: null,
  chunk_peer_count: null,
  missing_tx_count: null,
  missing_tx_bytes: null,
  mempool_tx_count: null,
  total_tx_count: null,
  all_tx_from_mempool: null,
  chunk_efficiency: null,
  mempool_hit_ratio: null,
  missing_tx_ratio: null,
}

describe('what is told of a slow block', () => {
  it('has the keys of the older recorder in its units, and two of our own', () => {
    const record = slowBlock(7, {
      height: 900_123,
      reconstructed_at: '2026-11-22T16:21:36.987654Z',
      reconstruction_peer: '203.0.113.7:8333',
      reconstruction_ms: 123.456,
      chunks_used: 300,
      chunks_received: 400,
      chunk_peers: 3,
      missing_transactions: 10,
      missing_bytes: 4321,
      mempool_transactions: 1989,
      transactions: 2000,
      all_from_mempool: false,
      winner_peer: 'not asked for',
    })
    expect(slowBlockPayload(record, thresholds)).toEqual({
      event_type: 'slow_block_reconstruction',
      severity: 'very_slow',
      seen_at_utc: '2026-11-22T16:21:36Z',
      node_name: 'n',
      block_hash: hashOf(7),
      height: 900_123,
      src_peer: '203.0.113.7:8333',
      reconstruction_ms: 123.456,
      chunks_used: 300,
      chunks_recvd: 400,
      chunk_peer_count: 3,
      missing_tx_count: 10,
      missing_tx_bytes: 4321,
      mempool_tx_count: 1989,
      total_tx_count: 2000,
      all_tx_from_mempool: false,
      chunk_efficiency: 0.75,
      mempool_hit_ratio: 0.9945,
      missing_tx_ratio: 0.005,
      notes: null,
      schema: 1,
      delivery_id: expect.stringMatching(/^[\da-f]{32}$/),
    })
  })

  it('has null for what is not known, and says so where that is all about the transactions', () => {
    expect(slowBlockPayload(slowBlock(7), thresholds)).toMatchObject({
      ...unknown,
      seen_at_utc: '2026-11-22T16:21:36Z',
      notes: 'partial_record_timeout',
    })
  })

  it('has no share of nothing', () => {
    const empty = slowBlock(7, { chunks_used: 0, chunks_received: 0, missing_transactions: 0, mempool_transactions: 0, transactions: 0 })
    expect(slowBlockPayload(empty, thresholds)).toMatchObject({ chunk_efficiency: null, mempool_hit_ratio: null, missing_tx_ratio: null })
  })

  it.each([
    [undefined, undefined],
    [0, undefined],
    [49.999, undefined],
    [50, 'slow'],
    [99.999, 'slow'],
    [100, 'very_slow'],
    [60_000, 'very_slow'],
  ])('is of a reconstruction that took %s ms: %s', (reconstruction_ms, severity) => {
    const { reconstruction_ms: _, ...record } = slowBlock(7)
    const timed = reconstruction_ms === undefined ? record : { ...record, reconstruction_ms }
    expect(slowBlockPayload(timed, thresholds)?.severity).toBe(severity)
  })

  it('has one delivery id for a block of a node, and others for other blocks and nodes', () => {
    const idOf = (...record: Parameters<typeof slowBlock>) => slowBlockPayload(slowBlock(...record), thresholds)?.delivery_id
    expect(idOf(7, { reconstruction_ms: 70 })).toBe(idOf(7))
    expect(new Set([idOf(7), idOf(8), idOf(7, { node: 'other' })]).size).toBe(3)
  })

  it('is ASCII, whatever peers call themselves', () => {
    const hostile = '<script>\u001b[2J\u202egnp.exe \ud800 \ufffd é 🙂 "\\\n\u007f\u2028'
    const json = toAsciiJson(slowBlockPayload(slowBlock(7, { reconstruction_peer: hostile }), thresholds))
    expect(json).toMatch(/^[ -~]+$/)
    expect(JSON.parse(json).src_peer).toBe(hostile)
  })
})

describe('the recorded blocks', () => {
  const recording = readRecording(join(import.meta.dirname, '../../fixtures/events.jsonl'))
  const [details, reconstructions] = (['udp:block_reconstruction_detail', 'udp:block_reconstructed'] as const).map((probe) =>
    recording.filter((line) => line.probe === probe),
  )

  /** Payloads of all of one node's blocks that took a ms or longer. */
  function told(node: string) {
    const payloads: ReturnType<typeof slowBlockPayload>[] = []
    const blocks = new Blocks(node, (outcome, block) => {
      if (outcome === 'closed') payloads.push(slowBlockPayload(recordOf(block), { slowMs: 1, verySlowMs: 1000 }))
    })
    for (const line of recording)
      if (line.node === node) blocks.observe(eventOf(line.probe, { ...fieldsOf(line), node, stampNs: line.ts_ns, unixSeconds: 1.79e9 }))
    blocks.advance(Number.POSITIVE_INFINITY)
    return payloads.filter((payload) => payload !== undefined)
  }

  it.each(['A', 'B'])('of node %s are told with what bitcoind said of each', (node) => {
    const expected = reconstructions
      ?.filter((line) => line.node === node && Number(line.duration_us) >= 1000)
      .map((line) => {
        const detail = details?.find((other) => other.node === node && other.block_hash === line.block_hash)
        const [used, received, all] = [line.chunks_used, line.chunks_recvd, detail?.total_tx_count].map(Number)
        return {
          block_hash: line.block_hash,
          src_peer: line.src,
          reconstruction_ms: Number(line.duration_us) / 1000,
          chunk_peer_count: line.num_peers,
          chunk_efficiency: Number(used) / Number(received),
          missing_tx_bytes: detail?.missing_tx_bytes ?? null,
          mempool_hit_ratio: detail ? Number(detail.mempool_tx_count) / Number(all) : null,
          missing_tx_ratio: detail ? Number(detail.missing_tx_count) / Number(all) : null,
          notes: detail ? null : 'partial_record_timeout',
        }
      })
    expect(expected?.length).toBeGreaterThanOrEqual(5)
    expect(told(node)).toMatchObject(expected ?? [])
  })
})
