import { expect } from 'vitest'
import type { BlockRecord } from './agent-run.ts'
import type { Comparison } from './comparison.ts'
import { lateHeadStart, type Moment, type Passed, type Span, span, spanUntilNs, type Way } from './expected-way.ts'

/** A block of which nothing was heard is said to be mined here only once messages were seen for that long. */
const UNSEEN_NS = 5e9

/** Compares the record of a connected block with what the node did. */
export function compareRecord(way: Way, record: BlockRecord, attachedNs: number, times: Comparison): void {
  const expected = { block_hash: way.block.block_hash, ...factsOf(way, record, attachedNs) }
  expect(Object.fromEntries(Object.keys(expected).map((name) => [name, record[name]]))).toEqual(expected)
  compareTimes(way, record, times)
  compareStages(way, record, times)
}

const peer = (message: Passed | undefined) => message && `peer=${message.peer_id}`

/** What a record has to say of a block's way, but for times. */
function factsOf(way: Way, record: BlockRecord, attachedNs: number) {
  const { block, announcements, compact, request, answer, whole, told } = way
  return {
    height: block.height,
    path: pathOf(way, record, attachedNs),
    announced_by: peer(announcements[0]),
    announced_message: announcements[0]?.message,
    announcers: announcements.length || undefined,
    compact_block_peer: peer(compact),
    compact_block_bytes: compact?.size,
    requested_transactions: request && block.requested?.transactions,
    requested_bytes: answer?.size,
    full_block_bytes: whole?.size,
    told_peer: peer(told),
    competes_with: way.competesWith,
    head_start_source: lateHeadStart(way) && 'late_message',
  }
}

/** The path of a block, as its node says, or its record where a block is so early that nothing can be said of one that was mined. */
export function pathOf({ block, connected }: Way, { path }: BlockRecord, attachedNs: number) {
  const isMinedSoon = block.path === 'mined_here' && Number(connected?.ts_ns) < attachedNs + UNSEEN_NS
  return isMinedSoon && ['no_race', 'unknown'].includes(String(path)) ? path : block.path
}

/** The whole µs of a time in a record. */
const microseconds = (time: unknown) => Date.parse(`${String(time).slice(0, 23)}Z`) * 1e3 + Number(String(time).slice(23, 26))

function compareTimes(way: Way, record: BlockRecord, times: Comparison): void {
  const [first, ...others] = way.announcements
  const moments = {
    announced_at: first,
    compact_block_at: way.compact,
    requested_at: way.request,
    requested_received_at: way.answer,
    full_block_at: way.whole,
    told_at: way.told,
  }
  for (const [field, moment] of Object.entries(moments)) {
    expect([field, record[field] !== undefined]).toEqual([field, moment !== undefined])
    const us = microseconds(record[field]) - microseconds(record.connected_at)
    if (moment) times.expectWithin(us, span(way.connected as Moment, moment), `${field} of ${record.block_hash}`)
  }
  const lags = [...String(record.announced_later ?? '').matchAll(/peer=(\d+) ([\d.]+)/g)]
  expect(lags.map(([, id]) => Number(id))).toEqual(others.map(({ peer_id }) => peer_id))
  for (const [i, other] of others.entries())
    times.expectWithin(us(lags[i]?.[2]), span(first as Passed, other), `lag of peer ${other.peer_id} for ${record.block_hash}`)
  const headStart = lateHeadStart(way)
  if (headStart) times.expectWithin(us(record.head_start_ms), headStart, `head start of ${record.block_hash}`)
}

const us = (ms: unknown) => Math.round(Number(ms) * 1e3)

/** The stages of a block: each as the node did it, and together the whole. */
function compareStages(way: Way, record: BlockRecord, times: Comparison): void {
  const expected = way.block.path === 'fibre_udp' ? stagesByFibre(way) : stagesByMessages(way)
  const stages = stageFields.flatMap((name) => (record[`${name}_ms`] === undefined ? [] : [{ name, us: us(record[`${name}_ms`]) }]))
  if (expected === undefined) {
    expect(stages).toEqual([])
    return
  }
  if (record.joined_stages === undefined) {
    expect(stages.map(({ name }) => name)).toEqual(stageFields.filter((name) => expected.stages[name]))
    for (const { name, us } of stages) times.expectWithin(us, expected.stages[name] as Span, `${name} of ${record.block_hash}`)
  } else {
    // A node that was kept from its processor fired the last message, or that the block is complete, after validation had begun.
    const waiting = way.block.path === 'fibre_udp' ? 'reconstructed_to_validation' : 'received_to_validation'
    expect(record.joined_stages).toBe(`${waiting}+validation`)
    expect(expected.stages[waiting]?.leastUs).toBeLessThan(1)
  }
  const [last] = stages.filter(({ name }) => name.startsWith('connected_to'))
  const sum = stages.reduce((total, { us }) => total + us, 0) - (last?.us ?? 0)
  expect(us(record.first_sign_to_connected_ms)).toBe(sum)
  if (last) expect(us(record[last.name.replace('connected', 'first_sign').concat('_ms')])).toBe(sum + last.us)
  times.expectWithin(sum, expected.whole, `way of ${record.block_hash}`)
  const longest = stages.reduce((a, b) => (b.us > a.us ? b : a))
  expect(String(record.slowest_stage).split('+').at(-1)).toBe(longest.name)
}

const stageFields = [
  'announced_to_received',
  'received_to_requested',
  'round_trip',
  'received_to_validation',
  'started_to_reconstructed',
  'reconstructed_to_validation',
  'validation',
  'connected_to_sent',
  'connected_to_told',
] as const

interface Stages {
  readonly stages: { readonly [Name in (typeof stageFields)[number]]?: Span | undefined }
  readonly whole: Span
}

const exactly = (us: number): Span => ({ us, leastUs: us, mostUs: us })

const tookNs = ({ connected }: Way) => Number(connected?.connection_time_ns)

/** The stages of a block that came by messages. */
function stagesByMessages(way: Way): Stages | undefined {
  const { block, announcements, compact, request, answer, whole, told } = way
  const [first, end] = [announcements[0] as Passed, way.connected as Moment]
  const all = (stages: Stages['stages'], last: Passed): Stages => ({
    stages: {
      ...stages,
      received_to_validation: spanUntilNs(last, end, tookNs(way)),
      validation: exactly(tookNs(way) / 1e3),
      connected_to_told: told && told.ts_ns > end.ts_ns ? span(end, told) : undefined,
    },
    whole: span(first, end),
  })
  if (block.path === 'full_block') return all({ announced_to_received: span(first, whole as Passed) }, whole as Passed)
  const received = { announced_to_received: compact && span(first, compact) }
  if (block.path === 'compact_block') return all(received, compact as Passed)
  if (block.path !== 'compact_block_round_trip') return undefined
  const asked = { received_to_requested: span(compact as Passed, request as Passed), round_trip: span(request as Passed, answer as Passed) }
  return all({ ...received, ...asked }, answer as Passed)
}

/** The stages of a block that FIBRE brought, from its first packet, which the node tells as a time before the block was complete. */
function stagesByFibre(way: Way): Stages {
  const [ready, end] = [way.reconstructed as Moment, way.connected as Moment]
  const packetNs = Number(way.reconstructed?.duration_us) * 1e3
  const sentOn = [way.sent, way.told].flatMap((moment) => moment ?? []).toSorted((a, b) => a.ts_ns - b.ts_ns)[0]
  const last = sentOn && sentOn.ts_ns > end.ts_ns ? span(end, sentOn) : undefined
  return {
    stages: {
      started_to_reconstructed: exactly(packetNs / 1e3),
      reconstructed_to_validation: spanUntilNs(ready, end, tookNs(way)),
      validation: exactly(tookNs(way) / 1e3),
      connected_to_sent: sentOn === way.sent ? last : undefined,
      connected_to_told: sentOn === way.told ? last : undefined,
    },
    whole: spanUntilNs(ready, end, -packetNs),
  }
}
