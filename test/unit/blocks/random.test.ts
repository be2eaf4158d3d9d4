import { hash as digest } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Milestone } from '../../../agent/blocks/blocks.ts'
import { type BlockRecord, recordOf } from '../../../agent/blocks/record.ts'
import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { randomFrom } from '../../harness/random.ts'
import { openPage } from '../metrics/page.ts'
import { eventOf } from './events.ts'
import { type ExpectedRecord, expectedRecord, type Said, withinMicrosecond } from './expected-record.ts'

const BLOCKS = 1000
/** Wall clock at stamp 0, in µs. */
const EPOCH_US = 1_795_000_000_000_000

/** A number of up to nine digits that hardly any other block and field has. */
const mark = (hash: string, field: string) => Number.parseInt(digest('sha256', hash + field).slice(0, 7), 16) + 1
const marks = <const Name extends string>(hash: string, names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, mark(hash, name)])) as Record<Name, number>

/** What is fired for a block, by which every value is that block's own. Two blocks in a row can have the same height. */
function eventsOf(hash: string, index: number) {
  const hex = { blockHash: hash }
  const mined = (index + 1) % 10 === 0 ? index - 1 : index
  const height = { height: 900_000 + mined }
  const peerOf = (field: string) => (mark(hash, `no ${field}`) % 4 === 0 ? 'n/a' : `peer=${mark(hash, field)}`)
  const start = (field: string) => (mark(hash, `no ${field}`) % 3 === 0 ? -1 : mark(hash, field))
  const winners = ['FIBRE/UDP', 'BIP152/CMPCTBLOCK', `else ${mark(hash, 'winner')}`] as const
  const pool = mark(hash, 'pool') % 2 === 0 ? '/Foundry USA Pool #' : '/nobody known #'
  return {
    headerChunk: eventOf('udp:block_header_chunk', {
      // The tracepoint has the first 8 of the 32 bytes, as a little-endian number.
      hashPrefix: Buffer.from(hash, 'hex').reverse().readBigUInt64LE().toString(16).padStart(16, '0'),
      ...marks(hash, ['queueUs', 'mapsUs', 'chunkUs', 'finishUs']),
    }),
    coinbase: eventOf('udp:block_coinbase', { ...hex, scriptSig: Buffer.from(`\u0003${pool}${mark(hash, 'coinbase')}`).toString('hex') }),
    reconstructed: eventOf('udp:block_reconstructed', {
      ...hex,
      peer: `10.0.0.1:${mark(hash, 'peer')}`,
      ...marks(hash, ['chunksUsed', 'chunksReceived', 'peers', 'durationUs']),
      ...(mark(hash, 'build') % 2 === 0 && height),
    }),
    detail: eventOf('udp:block_reconstruction_detail', {
      ...hex,
      ...height,
      ...marks(hash, ['missingTransactions', 'missingBytes', 'mempoolTransactions', 'transactions']),
      allFromMempool: mark(hash, 'allFromMempool') % 2,
    }),
    sendStart: eventOf('udp:block_send_start', { ...hex, startUs: EPOCH_US + mark(hash, 'startUs') }),
    connected: eventOf('validation:block_connected', {
      ...hex,
      ...height,
      ...marks(hash, ['transactions', 'inputs', 'sigops', 'durationNs']),
    }),
    winner: eventOf('udp:block_race_winner', {
      ...hex,
      ...height,
      winner: winners[mark(hash, 'wins') % 3] as string,
      winnerPeer: peerOf('winnerPeer'),
    }),
    times: eventOf('udp:block_race_time', {
      ...hex,
      ...height,
      udpNs: start('udpNs'),
      cmpctNs: start('cmpctNs'),
      udpPeer: peerOf('udpPeer'),
      cmpctPeer: peerOf('cmpctPeer'),
    }),
  }
}

/** The orders in which nodes fire them. */
function inOrder(hash: string, index: number, random: () => number): readonly TracepointEvent[] {
  const { headerChunk, coinbase, reconstructed, detail, sendStart, connected, winner, times } = eventsOf(hash, index)
  const race = [connected, winner, times]
  const kind = random()
  if (kind < 0.1) return [sendStart, connected]
  if (kind < 0.2) return [headerChunk, coinbase, reconstructed]
  if (kind < 0.4) return [sendStart, ...race]
  if (kind < 0.5) return race
  if (kind < 0.75) return [headerChunk, coinbase, reconstructed, detail, sendStart, ...race]
  return [coinbase, reconstructed, sendStart, ...race, headerChunk]
}

/** The events of all blocks as they are heard: overlapping, some lost, some twice, some overtaken by others. */
function stream(seed: number): readonly TracepointEvent[] {
  const random = randomFrom(seed)
  const hashes = Array.from({ length: BLOCKS }, (_, i) => digest('sha256', `block ${seed} ${i}`))
  const told = hashes.flatMap((hash, i) => {
    let us = i * 700 + Math.floor(random() * 50_000)
    return inOrder(hash, i, random).map((event) => {
      us += 1 + Math.floor(random() * 3000)
      return at(event, us)
    })
  })
  const kept = told.filter(() => random() > 0.1)
  const again = kept.filter(() => random() < 0.1).map((event) => at(event, event.stampNs / 1e3 + Math.floor(random() * 3e6)))
  const arrival = new Map([...kept, ...again].map((event) => [event, event.stampNs + random() * 2e6]))
  return [...arrival.keys()].toSorted((a, b) => (arrival.get(a) ?? 0) - (arrival.get(b) ?? 0))
}

const at = (event: TracepointEvent, us: number) => ({ ...event, stampNs: us * 1e3, unixSeconds: (EPOCH_US + us) / 1e6 })

const prefixOf = (event: TracepointEvent) => ('blockHash' in event ? event.blockHash?.slice(-16) : event.hashPrefix)
const isNamed = (event: TracepointEvent) => 'blockHash' in event
const said = (event: TracepointEvent): Said => ({ ...event, unixUs: EPOCH_US + event.stampNs / 1e3 })

/** The record of a block by its events, without its header chunk, which can come too late. */
function expectedOf(events: readonly TracepointEvent[]): ExpectedRecord {
  const hash = events.map((event) => ('blockHash' in event ? event.blockHash : undefined)).find((named) => named !== undefined)
  return expectedRecord('n', String(hash), events.filter(isNamed).map(said))
}

/** What there is to tell of a block by its record. */
function outcomesOf({ winner, udp_ms, cmpct_ms, connected_at }: ExpectedRecord): readonly Milestone[] {
  const isTimed = udp_ms !== undefined || cmpct_ms !== undefined
  const all = {
    connected: connected_at !== undefined,
    won: winner !== undefined,
    timed: isTimed,
    decided: isTimed && winner !== undefined,
    withoutRace: connected_at !== undefined && winner === undefined && !isTimed,
    closed: true,
  }
  return (Object.keys(all) as Milestone[]).filter((outcome) => all[outcome])
}

describe.each([1, 2, 3])('1,000 random blocks with events lost, repeated, late and overtaken (seed %d)', async (seed) => {
  const told = new Map<string, Milestone[]>()
  const records: BlockRecord[] = []
  const page = await openPage({
    onBlock: (outcome, block) => {
      told.set(block.hash, [...(told.get(block.hash) ?? []), outcome])
      if (outcome === 'closed') records.push(recordOf(block))
    },
  })
  const { blocks } = page.nodes.add('n')
  const events = stream(seed)
  for (const event of events) {
    page.hit(event)
    blocks.advance(event.stampNs)
  }
  blocks.advance(Number.POSITIVE_INFINITY)
  const byBlock = Map.groupBy(events, prefixOf)
  const heard = [...byBlock.values()].filter((ofBlock) => ofBlock.some(isNamed))

  it('are each told once, with what there is to tell', () => {
    expect(heard.length).toBeGreaterThan(0.95 * BLOCKS)
    expect(told.size).toBe(heard.length)
    for (const ofBlock of heard) {
      const expected = expectedOf(ofBlock)
      expect(told.get(String(expected.block_hash))?.toSorted(), String(expected.block_hash)).toEqual(outcomesOf(expected).toSorted())
    }
  })

  it('have records that hold their own values, and all of them', () => {
    const header = (record: BlockRecord) => Object.entries(record).filter(([name]) => name.startsWith('header_'))
    let withHeader = 0
    for (const record of records) {
      const ofBlock = byBlock.get(record.block_hash.slice(-16)) ?? []
      const headerChunk = ofBlock.find((event) => !isNamed(event))
      const expected = expectedRecord(
        'n',
        record.block_hash,
        ofBlock.filter((event) => isNamed(event) || header(record).length > 0).map(said),
      )
      if (headerChunk && header(record).length > 0) withHeader++
      expect(withinMicrosecond(record, expected)).toEqual(expected)
    }
    // One that comes within a second of the race is in time; of the blocks that were heard about every second one fires it.
    const fired = heard.filter((ofBlock) => !ofBlock.every(isNamed)).length
    expect(withHeader).toBeGreaterThan(0.95 * fired)
  })

  it('agree with the metrics', async () => {
    const scrape = await page.scrape()
    const count = (matches: (record: BlockRecord) => boolean) => records.filter(matches).length
    for (const mechanism of ['fibre_udp', 'bip152_cmpct', 'other'])
      expect(scrape.value('fibre_block_race_wins_total', { mechanism })).toBe(count(({ path }) => path === mechanism))
    for (const coverage of ['both', 'udp_only', 'cmpct_only'])
      expect(scrape.value('fibre_races_total', { coverage })).toBe(count((record) => record.coverage === coverage))
    const isRaceless = ({ connected_at, winner, udp_ms, cmpct_ms }: BlockRecord) =>
      connected_at && (winner ?? udp_ms ?? cmpct_ms) === undefined
    expect(scrape.value('fibre_blocks_without_race_total')).toBe(count((record) => Boolean(isRaceless(record))))
    const headStarts = ['fibre_race_head_start_seconds_sum', 'fibre_race_head_start_at_least_seconds_sum'].map((name) => scrape.sum(name))
    const headStartMs = records.reduce((sum, { head_start_ms = 0 }) => sum + head_start_ms, 0)
    expect((headStarts[0] ?? 0) + (headStarts[1] ?? 0)).toBeCloseTo(headStartMs / 1e3, 6)
  })
})
