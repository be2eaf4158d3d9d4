import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { blockAt, blocks, journalWith, ndjson } from '../journal/blocks-journal.ts'
import { blocksCommand } from './blocks-run.ts'

/** The same figures, counted by somebody else. */
const count = `
import json, math, sys
blocks = [b for b in map(json.loads, open(sys.argv[1])) if '2026-11-16' <= b['time'] < '2026-11-20']
def sample(values):
    values = sorted(values)
    rank = lambda percent: values[math.ceil(percent * len(values) / 100) - 1]
    return {'count': len(values), 'p50_ms': rank(50), 'p95_ms': rank(95), 'p99_ms': rank(99)}
def head(first):
    starts = [b for b in blocks if b['first_started'] == first]
    return sample([b['head_start_ms'] for b in starts]) | {'lower_bounds': sum(b['head_start_is_lower_bound'] for b in starts)}
paths = {p: sum(b['path'] == p for b in blocks) for p in ['fibre_udp', 'bip152_cmpct', 'other', 'no_race', 'unknown', 'compact_block', 'compact_block_round_trip', 'full_block', 'mined_here']}
races = paths['fibre_udp'] + paths['bip152_cmpct'] + paths['other']
times = sorted(b['time'] for b in blocks)
print(json.dumps({
    'from': times[0], 'to': times[-1], 'nodes': ['fra1'], 'blocks': len(blocks), 'connected': len(blocks), 'never_connected': 0, 'paths': paths, 'races': races,
    'fibre_win_rate': paths['fibre_udp'] / races, 'race_coverage': races / (races + paths['no_race']),
    'head_starts': {'fibre_udp': head('fibre_udp'), 'bip152_cmpct': head('bip152_cmpct')},
    'reconstruction': sample([b['reconstruction_ms'] for b in blocks]),
    'compact_blocks': 0, 'announced_to_connected': {'count': 0}, 'round_trip': {'count': 0},
    'requested_transactions': {'count': 0}, 'requested_bytes': {'count': 0}, 'slowest_stages': {},
    'slowest': [b['block_hash'] for b in sorted(blocks, key=lambda b: -b['reconstruction_ms'])[:5]],
}))`

it('gives the figures of a period that an independent count gives', async () => {
  const paths = ['other', 'no_race', 'no_race', 'unknown'] as const
  const records = [...blocks(1000), ...paths.map((path, index) => blockAt(700 + index, { path }))]
  const journal = journalWith(ndjson(records))
  const { code, out } = await blocksCommand(['--since', '2026-11-16', '--until', '2026-11-20', '--summary', '--format', 'json'], {
    journal,
  })
  expect(code).toBe(0)
  expect(JSON.parse(out)).toEqual(JSON.parse(execFileSync('python3', ['-c', count, journal]).toString()))
})

it('fits one screen, and says which quantiles are lower bounds', async () => {
  const exact = blocks(100, { first_started: 'bip152_cmpct', head_start_is_lower_bound: false })
  const mixed = blocks(100, { first_started: 'fibre_udp' })
  const journal = journalWith(ndjson([...exact, ...mixed]))
  const { out } = await blocksCommand(['--summary'], { journal, columns: 80, noColor: true })
  const lines = out.split('\n')
  expect(lines.length).toBeLessThan(24) // with the next prompt
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
  expect(out).toMatchInlineSnapshot(`
    "2026-11-15 00:00 to 2026-11-15 16:30 UTC, fra1
    blocks                           200  200 of them connected
      fibre_udp                      174  87.0 %
      bip152_cmpct                    26  13.0 %
      other                            0  0.0 %
      no_race                          0  0.0 %
      unknown                          0  0.0 %
    FIBRE won                     87.0 %  of 200 races
    race coverage                100.0 %  of blocks had a race, where that is known

                                  blocks    p50 ms    p95 ms    p99 ms
    head start, FIBRE first          100    ≥ 43.9    ≥ 84.6    ≥ 87.5
    head start, compact first        100      43.9      84.6      87.5
    reconstruction                   200       4.9      46.1      58.2

    slowest
    time (UTC)           height  path          head start ms  reconstr ms  hash
    2026-11-15 10:00:00  900060  fibre_udp        cmpct 87.1         59.7  …c6f9f9a7
    2026-11-15 10:00:00  900060  fibre_udp      FIBRE ≥ 87.1         59.7  …c6f9f9a7
    2026-11-15 15:10:00  900091  bip152_cmpct     cmpct 37.6         58.2  …676db65d
    2026-11-15 15:10:00  900091  bip152_cmpct   FIBRE ≥ 37.6         58.2  …676db65d
    2026-11-15 12:40:00  900076  fibre_udp        cmpct 79.9         57.4  …3ef8e18b
    "
  `)
})

it('is of the last blocks where so many are asked for, and of nothing where none fits', async () => {
  const journal = journalWith(ndjson(blocks(50)))
  const { out } = await blocksCommand(['--summary', '--last', '7', '--format', 'json'], { journal })
  expect(JSON.parse(out)).toMatchObject({ blocks: 7, from: blockAt(43).time, to: blockAt(49).time })
  expect(await blocksCommand(['--summary', '--height', '1'], { journal })).toMatchObject({
    code: 0,
    out: '',
    err: expect.stringContaining('none of the 50 blocks'),
  })
})

it('shows a period without races and reconstructions', async () => {
  const plain = { schema: 1, time: blockAt(0).time, node: 'fra1', block_hash: 'ab', path: 'no_race' } as const
  const { out } = await blocksCommand(['--summary'], { journal: journalWith(ndjson([plain])) })
  expect(out).toMatch(/^FIBRE won +- {2}of 0 races$/m)
  expect(out).toMatch(/^reconstruction +0 +- +- +-$/m)
  expect(out).not.toContain('slowest')
})

it('gives shares by path of the blocks that were connected, and says how many never were', async () => {
  const never = stockBlocks(12)
    .slice(10)
    .map(({ connected_at: _, ...record }) => ({ ...record, path: 'unknown' as const }))
  const journal = journalWith(ndjson([...stockBlocks(10), ...never]))
  const { out } = await blocksCommand(['--summary'], { journal, columns: 80, noColor: true })
  expect(out).toMatch(/^blocks +12 {2}10 of them connected\n {2}compact_block +8 {2}80\.0 %\n {2}compact_block_round_trip +2 {2}20\.0 %$/m)
  expect(out).toMatch(/^never connected +2 {2}competing, or a header alone$/m)
  expect(out).not.toContain('unknown')
})

/** Blocks of a node of Bitcoin Core, every fifth of which took a round trip. */
const stockBlocks = (count: number): readonly BlockRecord[] =>
  Array.from({ length: count }, (_, number) => {
    const { time, node, block_hash } = blockAt(number)
    const isAsked = number % 5 === 4
    const before = (ms: number) => new Date(Date.parse(time) - ms).toISOString().replace('Z', '000Z')
    const request = {
      requested_at: before(100 + number),
      requested_transactions: 10 + number,
      requested_received_at: before(60),
      requested_bytes: 4000 + 100 * number,
    }
    const announced = before(110 + number)
    return {
      ...{ schema: 1, time, node, block_hash, height: 900_000 + number },
      path: isAsked ? 'compact_block_round_trip' : 'compact_block',
      connected_at: time,
      announced_at: announced,
      compact_block_at: announced,
      ...(isAsked && request),
      first_sign_to_connected_ms: 110 + number,
      slowest_stage: isAsked ? 'round_trip' : 'received_to_validation+validation',
    }
  })

it('shows of a node without FIBRE what messages tell, and nothing else', async () => {
  const { out } = await blocksCommand(['--summary'], { journal: journalWith(ndjson(stockBlocks(100))), columns: 80, noColor: true })
  for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(out).toMatchInlineSnapshot(`
    "2026-11-15 00:00 to 2026-11-15 16:30 UTC, fra1
    blocks                           100  100 of them connected
      compact_block                   80  80.0 %
      compact_block_round_trip        20  20.0 %
    without a round trip          80.0 %  of 100 compact blocks

                                  blocks    p50 ms    p95 ms    p99 ms
    announced to connected           100     159.0     204.0     208.0
    round trip                        20      89.0     134.0     139.0

    requested                     blocks       p50       p95       p99
      transactions                    20        59       104       109
      bytes                           20      8900     13400     13900

    slowest stage                           blocks
      received_to_validation+validation         80  80.0 %
      round_trip                                20  20.0 %

    slowest, announced to connected
    time (UTC)      height  path           total ms  requested  hash       node
    11-15 16:30:00  900099  round_trip        209.0        109  …e834e6a1  fra1
    11-15 16:20:00  900098  compact_block     208.0          -  …4a59477e  fra1
    11-15 16:10:00  900097  compact_block     207.0          -  …397521f5  fra1
    11-15 16:00:00  900096  compact_block     206.0          -  …2715bade  fra1
    11-15 15:50:00  900095  compact_block     205.0          -  …5a75c192  fra1
    "
  `)
})

it('shows both of a node with FIBRE whose messages are seen', async () => {
  const journal = journalWith(ndjson([...blocks(20), ...stockBlocks(10)]))
  const { out } = await blocksCommand(['--summary'], { journal, columns: 80, noColor: true })
  for (const label of ['FIBRE won', 'reconstruction', 'without a round trip', 'announced to connected', 'requested'])
    expect(out).toMatch(new RegExp(`^${label} +[0-9b]`, 'm'))
  expect(out).toMatch(/^slowest$/m)
})

it('gives the figures of messages as JSON too', async () => {
  const { out } = await blocksCommand(['--summary', '--format', 'json'], { journal: journalWith(ndjson(stockBlocks(10))) })
  expect(JSON.parse(out)).toMatchObject({
    compact_blocks: 10,
    without_round_trip: 0.8,
    announced_to_connected: { count: 10, p50_ms: 114, p95_ms: 119, p99_ms: 119 },
    round_trip: { count: 2, p50_ms: 44, p95_ms: 49, p99_ms: 49 },
    requested_transactions: { count: 2, p50: 14, p95: 19, p99: 19 },
    requested_bytes: { count: 2, p50: 4400, p95: 4900, p99: 4900 },
    slowest_stages: { 'received_to_validation+validation': 8, round_trip: 2 },
    slowest: [9, 8, 7, 6, 5].map((number) => blockAt(number).block_hash),
  })
})
