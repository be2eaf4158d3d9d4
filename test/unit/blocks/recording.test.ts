import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { recordFields } from '../../../agent/blocks/record-fields.ts'
import { paths } from '../../../agent/blocks/summary/summary.ts'
import { wayFields } from '../../../agent/blocks/way-fields.ts'
import type { Output } from '../../../agent/nodes/output.ts'
import { openReplay } from '../../../agent/sources/replay/replay.ts'
import { silentLog } from '../../harness/captured-log.ts'
import { openPage } from '../metrics/page.ts'
import { withinMicrosecond } from './expected-record.ts'
import { expectedRecords, NODES, recording, recordingFile } from './recorded.ts'

/** Everything but the kernel: the page after the whole recording, and the records in the order in which they were closed. */
async function replay() {
  const records: BlockRecord[] = []
  const source = await openReplay({ file: recordingFile, speed: Number.POSITIVE_INFINITY, log: silentLog })
  const onBlock: Output['block'] = (milestone, _, record) => milestone === 'closed' && records.push(record())
  const page = await openPage({ nodes: NODES, source, onBlock })
  source.start(page.nodes)
  for (const node of source.nodes) page.nodes.processStarted({ node, pid: 0, executable: recordingFile })
  const replayed = await source.run(() => page.nodes.tick())
  return { replayed, records, scrape: await page.scrape() }
}

describe.each(NODES)('the records of node %s', async (node) => {
  const { records, scrape } = await replay()
  const own = records.filter((record) => record.node === node)
  const expected = expectedRecords(node)

  it('are one for each block', () => {
    expect(own).toHaveLength(80)
    expect(own.map(({ block_hash }) => block_hash).toSorted()).toEqual([...expected.keys()].toSorted())
  })

  it('say in every field what the recording says', () => {
    for (const record of own) expect(withinMicrosecond(record, expected.get(record.block_hash))).toEqual(expected.get(record.block_hash))
  })

  it('agree with the metrics', () => {
    const value = (name: string, labels = {}) => scrape.value(name, { node, ...labels })
    const count = (matches: (record: BlockRecord) => boolean) => own.filter(matches).length
    expect(value('bitcoin_blocks_connected_total')).toBe(count(({ connected_at }) => connected_at !== undefined))
    expect(value('fibre_blocks_reconstructed_total')).toBe(count(({ reconstructed_at }) => reconstructed_at !== undefined))
    expect(value('fibre_blocks_sent_total')).toBe(count(({ sent_at }) => sent_at !== undefined))
    expect(value('fibre_blocks_without_race_total')).toBe(count(({ path }) => path === 'no_race'))
    for (const mechanism of ['fibre_udp', 'bip152_cmpct'])
      expect(value('fibre_block_race_wins_total', { mechanism })).toBe(count(({ path }) => path === mechanism))
    for (const path of paths)
      expect(value('bitcoin_blocks_total', { path })).toBe(count((record) => record.path === path && record.connected_at !== undefined))
    for (const coverage of ['both', 'udp_only', 'cmpct_only'])
      expect(value('fibre_races_total', { coverage })).toBe(count((record) => record.coverage === coverage))
  })
})

/** Of the fields that tell of a block's way, those that FIBRE tells. */
const ofFibre = [
  'started_to_reconstructed_ms',
  'reconstructed_to_validation_ms',
  'validation_ms',
  'first_sign_to_connected_ms',
  'first_sign_to_sent_ms',
  'slowest_stage',
]

it('the records hold every field between them, but for two of which the recorded nodes said nothing, and those that messages tell', async () => {
  const { records } = await replay()
  const missing = (name: string) => records.every((record) => record[name as keyof typeof record] === undefined)
  const byMessages = Object.keys(wayFields).filter((name) => !ofFibre.includes(name))
  expect(Object.keys(recordFields).filter(missing)).toEqual(['all_from_mempool', 'coinbase_text', ...byMessages])
})

it('a recording that is replayed twice yields the same page and the same records in the same order', async () => {
  const [once, again] = [await replay(), await replay()]
  expect(once.replayed).toEqual({ events: recording.length, unreadable: 0 })
  expect(again.scrape.text).toBe(once.scrape.text)
  expect(again.records).toEqual(once.records)
})

/** A race read from the recording alone. */
interface Race {
  readonly winner: string
  readonly udp: number
  readonly cmpct: number
}

function recordedRaces(node: string): readonly Race[] {
  const of = (probe: string) => recording.filter((line) => line.node === node && line.probe === probe)
  return of('udp:block_race_time').map((times) => ({
    winner: String(of('udp:block_race_winner').find(({ block_hash }) => block_hash === times.block_hash)?.winner),
    udp: Number(times.udp_ns) / 1e9,
    cmpct: Number(times.cmpct_ns) / 1e9,
  }))
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
const gap = ({ udp, cmpct }: Race) => Math.abs(udp - cmpct)

describe.each(NODES)('the recorded races of node %s', async (node) => {
  const { scrape } = await replay()
  const races = recordedRaces(node)
  const hashes = new Set(recording.filter((line) => line.node === node).flatMap(({ block_hash }) => block_hash ?? []))
  const both = races.filter(({ udp, cmpct }) => udp >= 0 && cmpct >= 0)
  const udpOnly = races.filter(({ udp, cmpct }) => udp >= 0 && cmpct < 0)
  const cmpctOnly = races.filter(({ udp, cmpct }) => udp < 0 && cmpct >= 0)
  const wonByUdp = ({ winner }: Race) => winner === 'FIBRE/UDP'
  const wonByCmpct = ({ winner }: Race) => winner === 'BIP152/CMPCTBLOCK'

  it.each([
    ['fibre_block_race_wins_total', { mechanism: 'fibre_udp' }, races.filter(wonByUdp).length],
    ['fibre_block_race_wins_total', { mechanism: 'bip152_cmpct' }, races.filter(wonByCmpct).length],
    ['fibre_block_race_wins_total', { mechanism: 'other' }, 0],
    ['fibre_races_total', { coverage: 'both' }, both.length],
    ['fibre_races_total', { coverage: 'udp_only' }, udpOnly.length],
    ['fibre_races_total', { coverage: 'cmpct_only' }, cmpctOnly.length],
    ['fibre_races_with_both_total', {}, both.length],
    ['fibre_blocks_without_race_total', {}, hashes.size - races.length],
  ])('are counted in %s %o', (name, labels, expected) => {
    expect(scrape.value(name, { node, ...labels })).toBe(expected)
  })

  it.each([
    ['fibre_block_race_latency_seconds', { mechanism: 'fibre_udp' }, [...both, ...udpOnly].map(({ udp }) => udp)],
    ['fibre_block_race_latency_seconds', { mechanism: 'bip152_cmpct' }, [...both, ...cmpctOnly].map(({ cmpct }) => cmpct)],
    ['fibre_race_head_start_seconds', { first: 'fibre_udp' }, both.filter(({ udp, cmpct }) => udp > cmpct).map(gap)],
    ['fibre_race_head_start_seconds', { first: 'bip152_cmpct' }, both.filter(({ udp, cmpct }) => udp < cmpct).map(gap)],
    ['fibre_race_head_start_at_least_seconds', { first: 'fibre_udp' }, udpOnly.map(({ udp }) => udp)],
    ['fibre_race_head_start_at_least_seconds', { first: 'bip152_cmpct' }, cmpctOnly.map(({ cmpct }) => cmpct)],
    ['fibre_race_margin_seconds', { winner: 'fibre_udp' }, both.filter(wonByUdp).map(gap)],
    ['fibre_race_margin_seconds', { winner: 'bip152_cmpct' }, both.filter(wonByCmpct).map(gap)],
  ])('are measured in %s %o', (name, labels, expected) => {
    const below = (le: string) => expected.filter((seconds) => seconds <= (le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le))).length
    for (const bucket of scrape.series(`${name}_bucket`, { node, ...labels })) expect(bucket.value).toBe(below(String(bucket.labels.le)))
    expect(scrape.value(`${name}_count`, { node, ...labels })).toBe(expected.length)
    expect(scrape.value(`${name}_sum`, { node, ...labels })).toBeCloseTo(sum(expected), 9)
  })
})

describe('what the recorded nodes show', async () => {
  const { records } = await replay()
  const both = records.filter(({ coverage }) => coverage === 'both')
  const fibreWins = records.filter(({ path }) => path === 'fibre_udp')
  const udpOnlyWins = fibreWins.filter(({ coverage }) => coverage === 'udp_only')
  const headStartMs = (some: readonly BlockRecord[]) => median(some.map(({ head_start_ms = Number.NaN }) => head_start_ms))

  it('FIBRE started first in 41 of 42 races with both, and compact blocks delivered 39 of those', () => {
    const fibreFirst = both.filter(({ first_started }) => first_started === 'fibre_udp')
    expect([both.length, fibreFirst.length, fibreFirst.filter(({ path }) => path === 'bip152_cmpct').length]).toEqual([42, 41, 39])
  })

  it('17 of 19 wins of FIBRE are one-sided', () => {
    expect([fibreWins.length, udpOnlyWins.length]).toEqual([19, 17])
  })

  it('those have a head start of 5.3 ms or more in the median, races with both one of 0.7 ms', () => {
    expect(headStartMs(udpOnlyWins).toFixed(1)).toBe('5.3')
    expect(headStartMs(both).toFixed(1)).toBe('0.7')
  })

  it('the blocks without a race are those that the nodes mined themselves', () => {
    const minedHere = recording.filter(({ probe, comm }) => probe === 'validation:block_connected' && String(comm).includes('httpworker'))
    expect(minedHere).toHaveLength(80)
    const withoutRace = records.filter(({ path }) => path === 'no_race')
    expect(withoutRace.map(({ node, block_hash }) => `${node} ${block_hash}`).toSorted()).toEqual(
      minedHere.map(({ node, block_hash }) => `${node} ${block_hash}`).toSorted(),
    )
  })
})
