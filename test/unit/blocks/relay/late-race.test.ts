import { describe, expect, it } from 'vitest'
import { eventOf, FIBRE, reconstructed, timesAre, winnerIs } from '../events.ts'
import { type BlockHeader, chainOf, cmpctblock, headers } from './messages.ts'
import { type AnyEvent, connection, startRelay } from './start.ts'

const [header, other] = chainOf(2) as [BlockHeader, BlockHeader]

/** A race of which FIBRE started 120 ms before the block was connected, at second 10. */
const oneSided = ({ hash }: BlockHeader): readonly AnyEvent[] => [
  reconstructed(hash, 9.95),
  connection({ hash } as BlockHeader, { at: 10 }),
  winnerIs(hash, FIBRE, 10.001),
  timesAre(hash, 120, -1, 10.002),
]
const lowerBound = { coverage: 'udp_only', first_started: 'fibre_udp', head_start_ms: 120, head_start_is_lower_bound: true }

function race(...events: readonly AnyEvent[]) {
  const relay = startRelay()
  relay.observe(...events)
  return relay
}

it('a compact block that comes 35 ms after the block was connected completes the race', () => {
  const { advance, milestones, record } = race(...oneSided(header), cmpctblock(header, { at: 10.035 }))
  advance(11.1)
  expect(milestones(header).slice(-2)).toEqual(['measured', 'closed'])
  expect(record(header)).toMatchObject({
    path: 'fibre_udp',
    coverage: 'udp_only',
    first_started: 'fibre_udp',
    head_start_ms: 155,
    head_start_is_lower_bound: false,
    head_start_source: 'late_message',
    compact_block_at: '1970-01-01T00:00:10.035000Z',
  })
})

it('the first of several does, in whatever order they are heard of', () => {
  const late = [
    cmpctblock(header, { at: 10.3, peer: 2 }),
    cmpctblock(header, { at: 10.1, peer: 1 }),
    headers(header, { at: 10.05, peer: 3 }),
  ]
  const { advance, record, told } = race(...late, ...oneSided(header))
  advance(11.4)
  expect(record(header)).toMatchObject({ head_start_ms: 220, head_start_source: 'late_message' })
  advance(100)
  expect(told.filter(([milestone]) => milestone === 'measured')).toHaveLength(1)
})

it('is waited for for a minute, which is said, and then no longer', () => {
  const { advance, observe, milestones, record } = race(...oneSided(header))
  advance(11.1)
  expect(milestones(header)).toEqual(['connected', 'won', 'timed', 'decided', 'waiting'])
  advance(69.9)
  expect(milestones(header)).not.toContain('closed')
  advance(70)
  observe(cmpctblock(header, { at: 70.1 }))
  advance(1000)
  expect(milestones(header).slice(-2)).toEqual(['waiting', 'closed'])
  expect(record(header)).toMatchObject(lowerBound)
  expect(record(header)).not.toHaveProperty('head_start_source')
})

it('that comes later than that counts for nothing, also if nobody looked meanwhile', () => {
  const { advance, record } = race(...oneSided(header), cmpctblock(header, { at: 70.001 }))
  advance(100)
  expect(record(header)).toMatchObject(lowerBound)
})

it('that comes at the last moment counts', () => {
  const { advance, observe, record } = race(...oneSided(header))
  advance(69)
  observe(cmpctblock(header, { at: 69.999 }))
  advance(71)
  expect(record(header)).toMatchObject({ head_start_ms: 60_119, head_start_source: 'late_message' })
})

describe('a race is not completed', () => {
  it.each<readonly [string, readonly AnyEvent[]]>([
    ['by a compact block of another block', [...oneSided(header), cmpctblock(other, { at: 10.1 })]],
    ['by a mere announcement', [...oneSided(header), headers(header, { at: 10.1 })]],
    [
      'that a compact block came into before the block was connected',
      [cmpctblock(header, { at: 9.99 }), ...oneSided(header), cmpctblock(header, { at: 10.1, peer: 2 })],
    ],
  ])('%s', (_, events) => {
    const { advance, milestones, record } = race(...events)
    advance(100)
    expect(milestones(header)).not.toContain('measured')
    expect(record(header)).toMatchObject(lowerBound)
  })

  it('that has both mechanisms, or only compact blocks, and is not waited upon', () => {
    for (const [udpMs, cmpctMs] of [
      [120, 90],
      [-1, 90],
    ] as const) {
      const times = [connection(header, { at: 10 }), winnerIs(header.hash, FIBRE, 10), timesAre(header.hash, udpMs, cmpctMs, 10)]
      const { advance, milestones } = race(...times, cmpctblock(header, { at: 10.035 }))
      advance(11.1)
      expect(milestones(header)).toEqual(['connected', 'won', 'timed', 'decided', 'closed'])
    }
  })

  it('if events were lost since', () => {
    const { blocks, advance, observe, milestones, record } = race(...oneSided(header))
    blocks.excuseOpen(10.01e9)
    observe(cmpctblock(header, { at: 10.035 }))
    advance(11.1)
    expect(milestones(header).at(-1)).toBe('closed')
    expect(record(header)).toMatchObject(lowerBound)
  })

  it('where messages are not seen', () => {
    const { blocks, advance, observe, milestones } = startRelay()
    blocks.messagesVisible = false
    observe(...oneSided(header))
    advance(11.1)
    expect(milestones(header)).toEqual(['connected', 'won', 'timed', 'decided', 'closed'])
  })

  it('once the process has ended', () => {
    const { blocks, advance, milestones } = race(...oneSided(header))
    advance(12)
    blocks.processEnded(13e9)
    blocks.messagesVisible = true
    advance(14)
    expect(milestones(header).slice(-2)).toEqual(['waiting', 'closed'])
  })

  it('when the agent ends', () => {
    const { blocks, advance, record } = race(...oneSided(header))
    advance(12)
    blocks.close()
    expect(record(header)).toMatchObject(lowerBound)
  })
})

it('waits for no more than 512 at once, and closes the first 32 of them for more', () => {
  const { observe, advance, told } = startRelay()
  const headersOf = chainOf(540)
  for (const one of headersOf) observe(...oneSided(one))
  advance(12)
  expect(told.filter(([milestone]) => milestone === 'closed')).toHaveLength(32)
  expect(told.filter(([milestone]) => milestone === 'waiting')).toHaveLength(540 - 32)
})

it('counts no block twice of which all is known again', () => {
  const { advance, observe, told } = race(...oneSided(header), cmpctblock(header, { at: 10.035 }))
  advance(12)
  observe(
    ...oneSided(header),
    cmpctblock(header, { at: 12.5, peer: 9 }),
    eventOf('udp:block_race_time', { blockHash: header.hash, udpNs: 1, cmpctNs: -1 }),
  )
  advance(1000)
  expect(told.filter(([milestone]) => milestone === 'measured')).toHaveLength(1)
})
