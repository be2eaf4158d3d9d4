import { describe, expect, it } from 'vitest'
import { chooseSites } from '../../../agent/sources/ebpf/attach/sites.ts'
import { parseArguments } from '../../../agent/sources/ebpf/binary/arguments.ts'
import type { Site } from '../../../agent/sources/ebpf/binary/notes.ts'
import { shapeOf } from '../../../agent/sources/ebpf/totals-shape.ts'
import { recordedTracepoints, tracepoints } from '../../../agent/tracepoints/index.ts'

/** Arguments as Bitcoin Core's source has them, written down by hand: p for a pointer, and the types of numbers. */
type Passed = Readonly<Record<string, string>>

const v23: Passed = {
  'net:inbound_message': 'i64 p p p u64 p',
  'net:outbound_message': 'i64 p p p u64 p',
  'validation:block_connected': 'p i32 u64 i32 u64 i64',
  'utxocache:flush': 'i64 u32 u64 u64 bool',
  'utxocache:add': 'p u32 u32 i64 bool',
  'utxocache:spent': 'p u32 u32 i64 bool',
  'utxocache:uncache': 'p u32 u32 i64 bool',
}
const v25: Passed = {
  ...v23,
  'mempool:added': 'p u64 i64',
  'mempool:removed': 'p p u64 i64 u64',
  'mempool:replaced': 'p u64 i64 u64 p u64 i64',
  'mempool:rejected': 'p p',
}
const v26: Passed = {
  ...v25,
  'mempool:added': 'p i32 i64',
  'mempool:removed': 'p p i32 i64 u64',
  'mempool:replaced': 'p i32 i64 u64 p i32 i64',
}
const v29: Passed = {
  ...v26,
  'validation:block_connected': 'p i32 u64 i32 i64 i64',
  'mempool:replaced': 'p i32 i64 u64 p i32 i64 bool',
  'net:inbound_connection': 'i64 p p u32 u64',
  'net:outbound_connection': 'i64 p p u32 u64',
  'net:evicted_inbound_connection': 'i64 p p u32 u64',
  'net:closed_connection': 'i64 p p u32 u64',
  'net:misbehaving_connection': 'i64 p',
}
const proposed: Passed = {
  ...v29,
  'net:block_header': 'i32 i64 bool p',
  'net:compact_block_reconstructed': 'i64 u32 u32 u32 u32 u32 p',
}
const versions: Readonly<Record<string, Passed>> = {
  23: v23,
  24: v23,
  25: v25,
  26: v26,
  27: v26,
  28: v26,
  29: v29,
  30: v29,
  31: v29,
  proposed,
}

const spelled: Readonly<Record<string, string>> = {
  p: '8@%rax',
  i64: '-8@(%rsp)',
  u64: '8@8(%rsp)',
  i32: '-4@%ecx',
  u32: '4@$7',
  bool: '1@%dl',
}

const siteOf = (probe: string, types: string): Site => {
  const [provider = '', name = ''] = probe.split(':')
  const text = types.split(' ').map((type) => spelled[type])
  const places = { address: 0n, offset: 0n, semaphoreOffset: 0n, semaphoreAddress: 0n }
  return { provider, name, ...places, arguments: parseArguments(text.join(' '), 'x64'), isNop: true }
}

describe.each(Object.entries(versions))('the notes of Bitcoin Core %s', (version, passed) => {
  const sites = Object.entries(passed).map(([probe, types]) => siteOf(probe, types))
  const chosen = chooseSites(tracepoints, { machine: 'x64', entry: 0n, sites }).filter(({ isOffered }) => isOffered)

  it('hold tracepoints that are all known', () => {
    expect(chosen.map(({ tracepoint }) => tracepoint.probe).sort()).toEqual(Object.keys(passed).sort())
  })

  it('pass each argument that is not only of newer builds, and pointers where texts, hashes and payloads are read', () => {
    for (const { tracepoint, sites } of chosen) {
      const types = passed[tracepoint.probe]?.split(' ') ?? []
      const fields = Object.entries(tracepoint.args)
      expect([tracepoint.probe, fields.slice(types.length).filter(([, { optional }]) => !optional)]).toEqual([tracepoint.probe, []])
      expect(fields.length).toBeGreaterThanOrEqual(types.length)
      for (const [i, type] of types.entries())
        expect([tracepoint.probe, fields[i]?.[0], fields[i]?.[1].kind === 'integer']).toEqual([
          tracepoint.probe,
          fields[i]?.[0],
          type !== 'p',
        ])
      expect(sites[0]?.arguments.every(({ place }) => place !== undefined)).toBe(true)
    }
  })

  it('tell in which unit durations are', () => {
    const connected = chosen.find(({ tracepoint }) => tracepoint.probe === 'validation:block_connected')
    const isOlder = (connected?.number ?? 0) >= tracepoints.length
    expect(isOlder).toBe(version === '23' || version === '24')
    for (const { tracepoint, number } of chosen) if (tracepoint.counted) expect(tracepoints[number]).toBe(tracepoint)
  })
})

it('a FIBRE node is none of the versions that have other units, although it may have no tracepoint of the mempool', () => {
  const sites = [...Object.entries(v23), ['udp:block_send_start', 'p i64'] as const].map(([probe, types]) => siteOf(probe, types))
  for (const { number } of chooseSites(tracepoints, { machine: 'x64', entry: 0n, sites })) expect(number).toBeLessThan(tracepoints.length)
})

it.each(recordedTracepoints.filter(({ recorded }) => recorded))(
  '$probe records only texts that it knows, at most eight',
  ({ counted, recorded }) => {
    const [[label, known] = []] = Object.entries(counted?.by ?? {})
    expect(recorded?.where).toBe(label)
    expect(recorded?.is.length).toBeLessThanOrEqual(8)
    for (const value of recorded?.is ?? []) expect(known?.values.indexOf(value)).toBeLessThan(64)
    expect(known?.values).toEqual(expect.arrayContaining([...(recorded?.is ?? [])]))
  },
)

it.each(tracepoints.filter(({ counted }) => counted))(
  '$probe has known values that differ where they are compared, and bounds that rise',
  ({ counted }) => {
    for (const { values, compared } of Object.values(counted?.by ?? {})) {
      const starts = values.map((value) => (compared === 0 ? value : value.slice(0, compared)))
      expect(new Set(starts).size).toBe(values.length)
      expect(compared).toBeLessThanOrEqual(31)
      expect(values.length).toBeLessThan(256)
    }
    const bounds = counted?.histogram?.bounds ?? []
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b))
    expect([bounds.length <= 20, (counted?.sums ?? []).length <= 4, Object.keys(counted?.by ?? {}).length <= 3]).toEqual([true, true, true])
  },
)

it.each(tracepoints)('$probe passes the length of a payload before the payload', ({ args }) => {
  const fields = Object.values(args)
  for (const [i, { kind, most }] of fields.entries())
    if (kind === 'bytes') expect([fields[i - 1]?.kind, most > 0 && most <= 128]).toEqual(['integer', true])
})

it('the totals of 128 nodes fit the map of the kernel program', () => {
  const ofOne = tracepoints.reduce((sum, { counted }) => sum + (counted ? shapeOf(counted).size : 0), 0)
  expect(ofOne).toBeLessThanOrEqual(1024)
})
