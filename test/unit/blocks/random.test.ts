import { hash as digest } from 'node:crypto'
import { expect, it } from 'vitest'
import type { Milestone } from '../../../agent/blocks/milestone.ts'
import { type BlockRecord, recordOf } from '../../../agent/blocks/record.ts'
import { paths } from '../../../agent/blocks/summary/summary.ts'
import type { BlockEvent } from '../../../agent/tracepoints/index.ts'
import fc, { propertyOptions } from '../../harness/fast-check.ts'
import { openPage } from '../metrics/page.ts'
import { eventOf } from './events.ts'
import { type ExpectedRecord, expectedRecord, type Said, withinMicrosecond } from './expected-record.ts'

/** Wall clock at stamp 0, in µs. */
const EPOCH_US = 1_795_000_000_000_000

/** A number of up to nine digits that hardly any other block and field has. */
const mark = (hash: string, field: string) => Number.parseInt(digest('sha256', hash + field).slice(0, 7), 16) + 1
const marks = <const Name extends string>(hash: string, names: readonly Name[]) =>
  Object.fromEntries(names.map((name) => [name, mark(hash, name)])) as Record<Name, number>

/** Events of a block, with values that only this block has. Two blocks in a row can have the same height; chain.test.ts tells what follows from that. */
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

type EventName = keyof ReturnType<typeof eventsOf>

const race = ['connected', 'winner', 'times'] as const
/** The orders in which nodes fire them, and how often. */
const order: fc.Arbitrary<readonly EventName[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(['sendStart', 'connected'] as const) },
  { weight: 2, arbitrary: fc.constant(['headerChunk', 'coinbase', 'reconstructed'] as const) },
  { weight: 4, arbitrary: fc.constant(['sendStart', ...race] as const) },
  { weight: 2, arbitrary: fc.constant(race) },
  { weight: 5, arbitrary: fc.constant(['headerChunk', 'coinbase', 'reconstructed', 'detail', 'sendStart', ...race] as const) },
  { weight: 5, arbitrary: fc.constant(['coinbase', 'reconstructed', 'sendStart', ...race, 'headerChunk'] as const) },
)

const oneOfTen = fc.integer({ min: 0, max: 9 }).map((digit) => digit === 9)
/** Fate of an event: fired some time after the one before it, it can be lost, come again, or be overtaken by others. */
const fate = fc.record({
  afterUs: fc.integer({ min: 1, max: 3000 }),
  isLost: oneOfTen,
  isRepeated: oneOfTen,
  repeatedAfterUs: fc.nat(3_000_000),
  delaysNs: fc.tuple(fc.nat(2_000_000), fc.nat(2_000_000)),
})

const randomBlock = fc.record({
  salt: fc.nat(),
  startUs: fc.nat(50_000),
  fired: order.chain((names) => fc.tuple(...names.map((name) => fate.map((itsFate) => ({ name, ...itsFate }))))),
})
type RandomBlock = typeof randomBlock extends fc.Arbitrary<infer Block> ? Block : never

/** The events of all blocks as they are heard. */
function stream(blocks: readonly RandomBlock[]): readonly BlockEvent[] {
  const arrivals = blocks.flatMap(({ salt, startUs, fired }, index) => {
    const events = eventsOf(digest('sha256', `block ${salt} ${index}`), index)
    let us = index * 700 + startUs
    return fired.flatMap(({ name, afterUs, isLost, isRepeated, repeatedAfterUs, delaysNs }) => {
      us += afterUs
      if (isLost) return []
      const stampsUs = isRepeated ? [us, us + repeatedAfterUs] : [us]
      return stampsUs.map((stampUs, time) => {
        const event = at(events[name], stampUs)
        return { event, arrivalNs: event.stampNs + (delaysNs[time] ?? 0) }
      })
    })
  })
  return arrivals.toSorted((a, b) => a.arrivalNs - b.arrivalNs).map(({ event }) => event)
}

const at = (event: BlockEvent, us: number) => ({ ...event, stampNs: us * 1e3, unixSeconds: (EPOCH_US + us) / 1e6 })

const prefixOf = (event: BlockEvent) => ('blockHash' in event ? event.blockHash?.slice(-16) : event.hashPrefix)
const isNamed = (event: BlockEvent) => 'blockHash' in event
/** Facts that these events tell: of those that came twice, the first counts. */
const saidBy = (events: readonly BlockEvent[]): readonly Said[] =>
  [...Map.groupBy(events, ({ probe }) => probe).values()].map(([first]) => {
    const event = first as BlockEvent
    return { ...event, unixUs: EPOCH_US + event.stampNs / 1e3 }
  })

/** The record of a block by its events, without its header chunk, which can come too late. */
function expectedOf(events: readonly BlockEvent[]): ExpectedRecord {
  const hash = events.map((event) => ('blockHash' in event ? event.blockHash : undefined)).find((named) => named !== undefined)
  return expectedRecord('n', String(hash), saidBy(events.filter(isNamed)))
}

/** Whether a block was connected without a race or any sign of it before. Ten of them are a chain that the node catches up with. */
function isUnheard(events: readonly BlockEvent[]): boolean {
  const said = saidBy(events)
  const connected = said.find(({ probe }) => probe === 'validation:block_connected')
  const isRelayed = said.some(
    ({ probe, stampNs }) => /reconstruct|coinbase|header|send/.test(probe) && stampNs <= Number(connected?.stampNs),
  )
  return connected !== undefined && !isRelayed && outcomesOf(expectedOf(events)).includes('withoutRace')
}
const CATCHING_UP = 10

/** Milestones that follow from a block's record. */
function outcomesOf({ winner, udp_ms, cmpct_ms, connected_at }: ExpectedRecord): readonly Milestone[] {
  const isTimed = udp_ms !== undefined || cmpct_ms !== undefined
  const all: Partial<Record<Milestone, boolean>> = {
    connected: connected_at !== undefined,
    won: winner !== undefined,
    timed: isTimed,
    decided: isTimed && winner !== undefined,
    withoutRace: connected_at !== undefined && winner === undefined && !isTimed,
    closed: true,
  }
  return (Object.keys(all) as Milestone[]).filter((outcome) => all[outcome])
}

const withoutSiblings = ({ competes_with: _, reorganisation_depth: __, ...record }: BlockRecord): BlockRecord => record

/** Records, milestones and page that the agent makes of the events of these blocks. */
async function observe(random: readonly RandomBlock[]) {
  const told = new Map<string, Milestone[]>()
  const records: BlockRecord[] = []
  const page = await openPage({
    onBlock: (outcome, block) => {
      if (outcome !== 'competing' && outcome !== 'reorganised') told.set(block.hash, [...(told.get(block.hash) ?? []), outcome])
      if (outcome === 'closed') records.push(withoutSiblings(recordOf(block)))
    },
  })
  const { blocks } = page.nodes.add('n')
  const events = stream(random)
  for (const event of events) {
    page.hit(event)
    blocks.advance(event.stampNs)
  }
  blocks.advance(Number.POSITIVE_INFINITY)
  const byBlock = Map.groupBy(events, prefixOf)
  const heard = [...byBlock.values()].filter((ofBlock) => ofBlock.some(isNamed))
  return { page, told, records, byBlock, heard }
}

type Seen = Awaited<ReturnType<typeof observe>>

function expectEachTold({ heard, told }: Seen): void {
  expect(told.size).toBe(heard.length)
  const isCatchingUp = heard.filter(isUnheard).length >= CATCHING_UP
  for (const ofBlock of heard) {
    const expected = expectedOf(ofBlock)
    if (isCatchingUp && isUnheard(ofBlock)) {
      expect(told.get(String(expected.block_hash))?.filter((milestone) => milestone !== 'connected')).toEqual(['caughtUp'])
      continue
    }
    expect(told.get(String(expected.block_hash))?.toSorted(), String(expected.block_hash)).toEqual(outcomesOf(expected).toSorted())
  }
}

function expectOwnValues({ records, byBlock }: Seen): void {
  for (const record of records) {
    const ofBlock = byBlock.get(record.block_hash.slice(-16)) ?? []
    const expected = expectedRecord('n', record.block_hash, saidBy(ofBlock))
    expect(withinMicrosecond(record, expected)).toEqual(expected)
  }
}

async function expectMetricsOf({ page, records }: Seen): Promise<void> {
  const scrape = await page.scrape()
  const count = (matches: (record: BlockRecord) => boolean) => records.filter(matches).length
  for (const mechanism of ['fibre_udp', 'bip152_cmpct', 'other'])
    expect(scrape.value('fibre_block_race_wins_total', { mechanism })).toBe(count(({ path }) => path === mechanism))
  for (const coverage of ['both', 'udp_only', 'cmpct_only'])
    expect(scrape.value('fibre_races_total', { coverage })).toBe(count((record) => record.coverage === coverage))
  for (const path of paths)
    expect(scrape.value('bitcoin_blocks_total', { path })).toBe(
      count((record) => record.path === path && record.connected_at !== undefined),
    )
  const isRaceless = ({ connected_at, winner, udp_ms, cmpct_ms }: BlockRecord) =>
    connected_at && (winner ?? udp_ms ?? cmpct_ms) === undefined
  expect(scrape.value('fibre_blocks_without_race_total')).toBe(count((record) => Boolean(isRaceless(record))))
  const headStarts = ['fibre_race_head_start_seconds_sum', 'fibre_race_head_start_at_least_seconds_sum'].map((name) => scrape.sum(name))
  const headStartMs = records.reduce((sum, { head_start_ms = 0 }) => sum + head_start_ms, 0)
  expect((headStarts[0] ?? 0) + (headStarts[1] ?? 0)).toBeCloseTo(headStartMs / 1e3, 6)
}

it('tells, records and counts each of random blocks once, with events lost, repeated, late and overtaken', propertyOptions, async () => {
  let blocks = 0
  const property = fc.asyncProperty(fc.array(randomBlock, { maxLength: 200, size: 'max' }), async (random) => {
    const seen = await observe(random)
    blocks += seen.heard.length
    expectEachTold(seen)
    expectOwnValues(seen)
    await expectMetricsOf(seen)
  })
  await fc.assert(property, { numRuns: 50 })
  expect(blocks).toBeGreaterThan(1000) // about 4,000 are usual
})
