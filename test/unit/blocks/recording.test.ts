import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Block } from '../../../agent/blocks/blocks.ts'
import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { fieldsOf, type Recorded, readRecording } from '../../kernel/recording.ts'
import { openPage } from '../telemetry/page.ts'
import { eventOf } from './events.ts'

const recording = readRecording(join(import.meta.dirname, '../../fixtures/events.jsonl'))
const NODES = ['A', 'B'] as const

/** A recorded event as the agent decodes it. */
function decoded(line: Recorded): TracepointEvent {
  return eventOf(line.probe, { ...fieldsOf(line), node: String(line.node), stampNs: line.ts_ns })
}

/** The page after the whole recording, and what was told of each block. */
async function replay() {
  const told = { decided: [] as Block[], withoutRace: [] as Block[] }
  const page = await openPage({
    nodes: NODES,
    onBlock: (outcome, block) => {
      if (outcome === 'decided' || outcome === 'withoutRace') told[outcome].push({ ...block })
    },
  })
  page.hit(...recording.map(decoded))
  for (const node of page.measuring.nodes) node.blocks.advance(Number.POSITIVE_INFINITY)
  return { ...told, scrape: await page.scrape() }
}

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
  const { decided, withoutRace } = await replay()
  const both = decided.filter(({ race }) => race?.coverage === 'both')
  const fibreWins = decided.filter(({ winner }) => winner === 'fibre_udp')
  const headStartMs = (blocks: readonly Block[]) => median(blocks.map(({ race }) => (race?.headStartSeconds ?? Number.NaN) * 1e3))

  it('FIBRE started first in 41 of 42 races with both, and compact blocks delivered 39 of those', () => {
    const fibreFirst = both.filter(({ race }) => race?.first === 'fibre_udp')
    expect([both.length, fibreFirst.length, fibreFirst.filter(({ winner }) => winner === 'bip152_cmpct').length]).toEqual([42, 41, 39])
  })

  it('17 of 19 wins of FIBRE are one-sided', () => {
    expect([fibreWins.length, fibreWins.filter(({ race }) => race?.coverage === 'udp_only').length]).toEqual([19, 17])
  })

  it('those have a head start of 5.3 ms or more in the median, races with both one of 0.7 ms', () => {
    expect(headStartMs(fibreWins.filter(({ race }) => race?.coverage === 'udp_only')).toFixed(1)).toBe('5.3')
    expect(headStartMs(both).toFixed(1)).toBe('0.7')
  })

  it('the blocks without a race are those that the nodes mined themselves', () => {
    const minedHere = recording.filter(({ probe, comm }) => probe === 'validation:block_connected' && String(comm).includes('httpworker'))
    expect(minedHere).toHaveLength(80)
    expect(withoutRace.map(({ node, hash }) => `${node} ${hash}`).toSorted()).toEqual(
      minedHere.map(({ node, block_hash }) => `${node} ${block_hash}`).toSorted(),
    )
  })
})
