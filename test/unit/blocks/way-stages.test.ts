import { describe, expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { eventOf, FIBRE, timesAre, winnerIs } from './events.ts'
import { type BlockHeader, chainOf, cmpctblock, headers, told } from './relay/messages.ts'
import { type AnyEvent, connection, startRelay } from './relay/start.ts'

const [header] = chainOf(1) as [BlockHeader]
const { hash } = header

/** The record of a block of these events that FIBRE won, its race told 2 ms after it was connected at 10 s. */
function recordFrom(...events: readonly AnyEvent[]): Partial<BlockRecord> {
  const relay = startRelay()
  relay.observe(...events, winnerIs(hash, FIBRE, 10.002), timesAre(hash, 102, -1, 10.002))
  relay.advance(1000)
  return relay.record(header) ?? {}
}

const reconstruction = (at: number, took: number | undefined = 0.03) =>
  eventOf('udp:block_reconstructed', {
    blockHash: hash,
    durationUs: took === undefined ? undefined : Math.round(took * 1e6),
    stampNs: Math.round(at * 1e9),
    unixSeconds: at,
  })
const sent = (at: number) => eventOf('udp:block_send_start', { blockHash: hash, stampNs: Math.round(at * 1e9), unixSeconds: at })
const connected = connection(header, { at: 10, took: 0.05 })

const names = ['started_to_reconstructed', 'reconstructed_to_validation', 'validation', 'connected_to_sent', 'connected_to_told'] as const
const msOf = (record: Partial<BlockRecord>) =>
  Object.fromEntries(names.flatMap((name) => (record[`${name}_ms`] === undefined ? [] : [[name, record[`${name}_ms`]]])))

const untilConnected = { started_to_reconstructed: 30, reconstructed_to_validation: 20, validation: 50 }

it('the way of a block that FIBRE brought has the stages until it was connected', () => {
  const record = recordFrom(reconstruction(9.93), sent(9.931), connected)
  expect(msOf(record)).toEqual(untilConnected)
  expect(record).toMatchObject({
    path: 'fibre_udp',
    first_chunk_at: '1970-01-01T00:00:09.900000Z',
    first_sign_to_connected_ms: 100,
    first_sign_to_sent_ms: 31,
    slowest_stage: 'validation',
  })
  for (const name of ['joined_stages', 'first_sign_to_told_ms', 'announced_to_received_ms']) expect(record).not.toHaveProperty(name)
})

it('is said of a node without messages too', () => {
  const { blocks, observe, advance, record } = startRelay()
  blocks.messagesVisible = false
  observe(reconstruction(9.93), connected, winnerIs(hash, FIBRE, 10.002), timesAre(hash, 102, -1, 10.002))
  advance(1000)
  expect(msOf(record(header) ?? {})).toEqual(untilConnected)
})

describe('a block was sent on', () => {
  it.each([
    ['by FIBRE after it was connected', [sent(10.004)], { connected_to_sent: 4 }, [104, undefined]],
    ['by FIBRE first', [sent(10.004), told(header, { at: 10.005 })], { connected_to_sent: 4 }, [104, 105]],
    ['by FIBRE before, and peers were told after', [sent(9.94), told(header, { at: 10.005 })], {}, [40, 105]],
    ['to peers first', [sent(10.004), told(header, { at: 10.003 })], { connected_to_told: 3 }, [104, 103]],
    ['to peers first, before it was connected', [sent(10.004), told(header, { at: 9.95 })], {}, [104, 50]],
    ['to peers alone, since none has FIBRE', [told(header, { at: 10.005 })], { connected_to_told: 5 }, [undefined, 105]],
    ['to peers before the first packet came', [told(header, { at: 9.8 })], {}, [undefined, undefined]],
  ])('%s', (_, events, last, [untilSent, untilTold]) => {
    const record = recordFrom(reconstruction(9.93), connected, ...events)
    expect(msOf(record)).toEqual({ ...untilConnected, ...last })
    expect([record.first_sign_to_sent_ms, record.first_sign_to_told_ms]).toEqual([untilSent, untilTold])
  })

  it('to peers, at a time that is not known where messages were lost', () => {
    const { blocks, observe, advance, record } = startRelay()
    observe(reconstruction(9.93), connected)
    blocks.excuseOpen(10.001e9)
    observe(told(header, { at: 10.005 }), winnerIs(hash, FIBRE, 10.006), timesAre(hash, 106, -1, 10.006))
    advance(1000)
    expect(msOf(record(header) ?? {})).toEqual(untilConnected)
  })
})

describe('a moment that is not known', () => {
  it('joins two stages, and that is said', () => {
    const ofRace = recordFrom(connected)
    expect(msOf(ofRace)).toEqual({ reconstructed_to_validation: 50, validation: 50 })
    expect(ofRace).toMatchObject({
      joined_stages: 'started_to_reconstructed+reconstructed_to_validation',
      slowest_stage: 'started_to_reconstructed+reconstructed_to_validation',
    })
    const undated = recordFrom(reconstruction(9.93), connection(header, { at: 10 }))
    expect(msOf(undated)).toEqual({ started_to_reconstructed: 30, validation: 70 })
    expect(undated).toMatchObject({ joined_stages: 'reconstructed_to_validation+validation' })
  })

  it.each([
    ['after the block was connected', reconstruction(10.001, 0.101)],
    ['after validation began', reconstruction(9.96, 0.06)],
  ])('is none that would lie %s', (_, event) => {
    const record = recordFrom(event, connected)
    expect(record).toMatchObject({ first_sign_to_connected_ms: 100, joined_stages: expect.any(String) })
    expect(Object.values(msOf(record)).reduce((sum, ms) => Number(sum) + Number(ms), 0)).toBe(100)
  })
})

it('nothing is said without a first packet before the block was connected, or a connection', () => {
  const late = recordFrom(reconstruction(10.001, 0.0005), connected, sent(10.004))
  expect([msOf(late), late.first_sign_to_connected_ms, late.slowest_stage]).toEqual([{}, undefined, undefined])
  expect(msOf(recordFrom(reconstruction(9.93)))).toEqual({})
})

it('a block that FIBRE reconstructed and a compact block delivered has the stages of that one', () => {
  const { observe, advance, record } = startRelay()
  observe(reconstruction(9.93), cmpctblock(header, { at: 9.9 }), connected, winnerIs(hash, 'BIP152/CMPCTBLOCK', 10.002))
  advance(1000)
  expect(msOf(record(header) ?? {})).toEqual({ validation: 50 })
  expect(record(header)).toMatchObject({ announced_to_received_ms: 0, received_to_validation_ms: 50 })
})

it('stages add up to the whole to the microsecond', () => {
  for (let round = 0; round < 500; round++) {
    const at = (step: number) => 9.9 + (step * 7919 * (round + 1)) / 1e8 + round / 3e7
    const record = recordFrom(
      headers(header, { at: at(1) }),
      reconstruction(at(2), at(2) - at(1)),
      connection(header, { at: at(4), took: at(4) - at(3) }),
      sent(at(5)),
    )
    const us = (ms: number | undefined) => Math.round(Number(ms) * 1e3)
    const stages = Object.values(msOf(record)).map(us)
    expect(stages).toHaveLength(4)
    expect(stages.reduce((sum, stage) => sum + stage, 0)).toBe(us(record.first_sign_to_sent_ms))
    expect(us(record.first_sign_to_sent_ms) - us(record.connected_to_sent_ms)).toBe(us(record.first_sign_to_connected_ms))
  }
})
