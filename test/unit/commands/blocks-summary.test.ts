import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'
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
    'from': times[0], 'to': times[-1], 'nodes': ['fra1'], 'blocks': len(blocks), 'connected': len(blocks), 'paths': paths, 'races': races,
    'fibre_win_rate': paths['fibre_udp'] / races, 'race_coverage': races / (races + paths['no_race']),
    'head_starts': {'fibre_udp': head('fibre_udp'), 'bip152_cmpct': head('bip152_cmpct')},
    'reconstruction': sample([b['reconstruction_ms'] for b in blocks]),
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
