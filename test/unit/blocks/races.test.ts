import { describe, expect, it } from 'vitest'
import type { Block } from '../../../agent/blocks/block.ts'
import { openPage } from '../metrics/page.ts'
import { BIP152, connected, eventOf, FIBRE, reconstructed, startBlocks, timesAre, winnerIs } from './events.ts'

const figures =
  /^fibre_(block_race_wins_total|races_total|race_head_start_seconds_sum|race_head_start_at_least_seconds_sum|race_margin_seconds_sum|blocks_without_race_total)$/

/** All race figures that are not 0, as `name{value of the label}`. */
async function raceFigures(page: Awaited<ReturnType<typeof openPage>>) {
  const samples = (await page.scrape()).samples.filter(({ name, value }) => figures.test(name) && value !== 0)
  return Object.fromEntries(samples.map(({ name, labels: { node, ...labels }, value }) => [`${name}{${Object.values(labels)}}`, value]))
}

describe('the figures of a block', () => {
  it.each([
    {
      race: [120, 90, FIBRE],
      page: {
        'fibre_block_race_wins_total{fibre_udp}': 1,
        'fibre_races_total{both}': 1,
        'fibre_race_head_start_seconds_sum{fibre_udp}': 0.03,
        'fibre_race_margin_seconds_sum{fibre_udp}': 0.03,
      },
    },
    {
      race: [120, -1, FIBRE],
      page: {
        'fibre_block_race_wins_total{fibre_udp}': 1,
        'fibre_races_total{udp_only}': 1,
        'fibre_race_head_start_at_least_seconds_sum{fibre_udp}': 0.12,
      },
    },
    {
      race: [91.7, 3.7, BIP152],
      page: {
        'fibre_block_race_wins_total{bip152_cmpct}': 1,
        'fibre_races_total{both}': 1,
        'fibre_race_head_start_seconds_sum{fibre_udp}': 0.088,
        'fibre_race_margin_seconds_sum{bip152_cmpct}': 0.088,
      },
    },
    {
      race: [-1, 1.06, BIP152],
      page: {
        'fibre_block_race_wins_total{bip152_cmpct}': 1,
        'fibre_races_total{cmpct_only}': 1,
        'fibre_race_head_start_at_least_seconds_sum{bip152_cmpct}': 0.00106,
      },
    },
  ] as const)('tell of a race of $race', async ({ race: [udpMs, cmpctMs, winner], page: expected }) => {
    const page = await openPage()
    page.hit(connected('a'), winnerIs('a', winner), timesAre('a', udpMs, cmpctMs))
    expect(await raceFigures(page)).toEqual(expected)
  })

  it('tell of a block without a race that, and nothing else', async () => {
    const page = await openPage()
    page.hit(connected('a', Number(process.hrtime.bigint()) / 1e9 - 5))
    page.nodes.tick()
    expect(await raceFigures(page)).toEqual({ 'fibre_blocks_without_race_total{}': 1 })
  })

  it('name a winner that is neither of the two as other', async () => {
    const page = await openPage()
    page.hit(connected('a'), winnerIs('a', 'n/a'), timesAre('a', 1, 3))
    expect(await raceFigures(page)).toEqual({
      'fibre_block_race_wins_total{other}': 1,
      'fibre_races_total{both}': 1,
      'fibre_race_head_start_seconds_sum{bip152_cmpct}': 0.002,
      'fibre_race_margin_seconds_sum{other}': 0.002,
    })
  })

  it('tell of a race in which neither had started only who won', async () => {
    const page = await openPage()
    page.hit(connected('a'), winnerIs('a', BIP152), timesAre('a', -1, -1))
    expect(await raceFigures(page)).toEqual({ 'fibre_block_race_wins_total{bip152_cmpct}': 1 })
  })

  it('take a start at the very moment of the connection for a start', async () => {
    const page = await openPage()
    page.hit(connected('a'), winnerIs('a', FIBRE), timesAre('a', 0, -1))
    expect((await page.scrape()).value('fibre_races_total', { coverage: 'udp_only' })).toBe(1)
  })

  it('say nothing for fields that could not be read', async () => {
    const page = await openPage()
    const unreadTimes = eventOf('udp:block_race_time', { blockHash: 'a', udpNs: 120e6 })
    const unreadWinner = eventOf('udp:block_race_winner', { blockHash: 'a' })
    const unreadHash = eventOf('udp:block_race_time', { udpNs: 120e6, cmpctNs: 90e6 })
    page.hit(connected('a'), unreadTimes, unreadWinner, unreadHash)
    expect(await raceFigures(page)).toEqual({})
  })
})

describe('the events of a block', () => {
  const [connection, winner, times] = [connected('a'), winnerIs('a', FIBRE), timesAre('a', 120, 90)]

  it.each([
    ['connection, winner, times', [connection, winner, times]],
    ['connection, times, winner', [connection, times, winner]],
    ['winner, connection, times', [winner, connection, times]],
    ['winner, times, connection', [winner, times, connection]],
    ['times, connection, winner', [times, connection, winner]],
    ['times, winner, connection', [times, winner, connection]],
  ])('tell the same in any order: %s', (_, events) => {
    const { observe, advance, told } = startBlocks()
    observe(...events)
    advance(1)
    expect(told.toSorted()).toEqual(['closed a', 'connected a', 'decided a', 'timed a', 'won a'])
    expect(told.at(-1)).toBe('closed a')
  })

  it('count once, also when they come again before or after the block is done', () => {
    const { observe, advance, told } = startBlocks()
    observe(connection, winner, winner, winnerIs('a', BIP152), times, times, connection, winner, times, connection)
    advance(1)
    observe(winner, times, connection)
    advance(100)
    expect(told).toEqual(['connected a', 'won a', 'timed a', 'decided a', 'closed a'])
  })

  it('are joined by hash, whichever tracepoint named it', () => {
    const closed: Block[] = []
    const { observe, advance } = startBlocks((outcome, block) => outcome === 'closed' && closed.push(block))
    const [ofA, ofB] = [reconstructed('a'), reconstructed('b')]
    observe(ofA, ofB, connected('b', 1), connected('a', 2), winnerIs('a', FIBRE, 2), timesAre('a', 120, -1, 2))
    advance(3)
    expect(closed).toMatchObject([
      {
        node: 'n',
        hash: 'a',
        winner: 'fibre_udp',
        race: { coverage: 'udp_only', first: 'fibre_udp', headStartSeconds: 0.12 },
      },
    ])
    expect(closed[0]?.events['udp:block_reconstructed']).toBe(ofA)
  })
})

describe('a block of which all is known', () => {
  const decided = [connected('a', 10), winnerIs('a', FIBRE, 10.002), timesAre('a', 120, 90, 10.003)]
  const headerChunk = (stampNs: number) => eventOf('udp:block_header_chunk', { hashPrefix: 'a', queueUs: 7, stampNs })

  it('is closed a second after the last of it', () => {
    const { observe, advance, told } = startBlocks()
    observe(...decided)
    advance(11.002)
    expect(told).not.toContain('closed a')
    advance(11.003)
    expect(told).toContain('closed a')
  })

  it.each([
    ['first', [headerChunk(9e9), ...decided]],
    ['last, within that second', [...decided, headerChunk(10.9e9)]],
  ])('has its header chunk, though that comes %s', (_, events) => {
    const closed: Block[] = []
    const { observe, advance } = startBlocks((outcome, block) => outcome === 'closed' && closed.push(block))
    observe(...events)
    advance(12)
    expect(closed[0]?.events['udp:block_header_chunk']?.queueUs).toBe(7)
  })
})

it('what is connected when the agent ends is closed, and is not said to have come without a race', () => {
  const { blocks, observe, told } = startBlocks()
  observe(connected('a'), reconstructed('b'))
  blocks.close()
  expect(told).toEqual(['connected a', 'closed a'])
})

it('nothing more is said of a block that an earlier agent told of', () => {
  const { blocks, observe, advance, told } = startBlocks()
  blocks.remember(['a'])
  observe(connected('a'), winnerIs('a', FIBRE), connected('b'))
  advance(5)
  expect(told).toEqual(['connected b', 'withoutRace b', 'closed b'])
})
