import { expect, it } from 'vitest'
import type { Outcome } from '../../../agent/blocks/blocks.ts'
import type { TracepointEvent } from '../../../agent/tracepoints/index.ts'
import { openPage } from '../telemetry/page.ts'
import { BIP152, connected, eventOf, FIBRE, reconstructed, timesAre, winnerIs } from './events.ts'

const BLOCKS = 1000

/** Numbers from 0 to 1, the same for each seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A block's events in an order in which nodes fire them: received by FIBRE, by compact block, or mined here. */
function eventsOf(hash: string, at: number, random: () => number): readonly TracepointEvent[] {
  const ms = () => (random() < 0.3 ? -1 : random() * 200)
  const sendStart = eventOf('udp:block_send_start', { blockHash: hash, stampNs: at * 1e9 })
  const race = [
    winnerIs(hash, [FIBRE, BIP152, 'n/a'][Math.floor(random() * 3)] as string, at + 0.002),
    timesAre(hash, ms(), ms(), at + 0.003),
  ]
  const kind = random()
  if (kind < 0.2) return [sendStart, connected(hash, at + 0.001)]
  if (kind < 0.6) return [reconstructed(hash, at), sendStart, connected(hash, at + 0.001), ...race]
  return [connected(hash, at + 0.001), ...race]
}

/** Events of blocks that overlap in time, some of them lost, some told twice. */
function stream(seed: number): readonly TracepointEvent[] {
  const random = randomFrom(seed)
  const blocks = Array.from({ length: BLOCKS }, (_, i) => eventsOf(`hash ${i}`, i * 0.0007, random))
  const kept = blocks.flat().filter(() => random() > 0.1)
  const again = kept.filter(() => random() < 0.1).map((event) => ({ ...event, stampNs: event.stampNs + random() * 1e9 }))
  return [...kept, ...again].toSorted((a, b) => a.stampNs - b.stampNs)
}

/** What there is to tell of a block, going by which of its events came at all. */
function expectedOf(events: readonly TracepointEvent[]): readonly Outcome[] {
  const came = (probe: string) => events.some((event) => event.probe === probe)
  const times = events.find((event) => event.probe === 'udp:block_race_time')
  const isWon = came('udp:block_race_winner')
  const isTimed = times?.udpNs !== undefined && times.cmpctNs !== undefined && Math.max(times.udpNs, times.cmpctNs) >= 0
  const isWithout = came('validation:block_connected') && !isWon && !isTimed
  const isKnown = events.some(({ probe }) => probe !== 'udp:block_send_start')
  const all = { won: isWon, timed: isTimed, decided: isWon && isTimed, withoutRace: isWithout, closed: isKnown }
  return (Object.keys(all) as Outcome[]).filter((outcome) => all[outcome])
}

it.each([1, 2, 3])('1,000 random blocks with lost and repeated events are each told once and alike (seed %d)', async (seed) => {
  const told = new Map<string, Outcome[]>()
  const page = await openPage({ onBlock: (outcome, { hash }) => told.set(hash, [...(told.get(hash) ?? []), outcome]) })
  const { blocks } = page.measuring.declare('n')
  const events = stream(seed)
  for (const event of events) {
    page.hit(event)
    blocks.advance(event.stampNs)
  }
  blocks.advance(Number.POSITIVE_INFINITY)

  const byHash = Map.groupBy(events, (event) => ('blockHash' in event ? String(event.blockHash) : ''))
  for (const [hash, ofBlock] of byHash) expect(told.get(hash)?.toSorted() ?? [], hash).toEqual(expectedOf(ofBlock).toSorted())

  const scrape = await page.scrape()
  const times = (outcome: Outcome) => [...told.values()].flat().filter((each) => each === outcome).length
  expect(scrape.sum('fibre_block_race_wins_total')).toBe(times('won'))
  expect(scrape.sum('fibre_races_total')).toBe(times('timed'))
  expect(scrape.sum('fibre_race_head_start_seconds_count') + scrape.sum('fibre_race_head_start_at_least_seconds_count')).toBe(
    times('timed'),
  )
  expect(scrape.sum('fibre_race_head_start_seconds_count')).toBe(scrape.value('fibre_races_with_both_total'))
  expect(scrape.sum('fibre_race_margin_seconds_count')).toBeLessThanOrEqual(times('decided'))
  expect(scrape.value('fibre_blocks_without_race_total')).toBe(times('withoutRace'))
  expect(times('won')).toBeGreaterThan(times('decided'))
})
