import { expect, it } from 'vitest'
import type { BlockRecord } from '../../../agent/blocks/record.ts'
import { hashOf } from '../blocks/events.ts'
import { node, quiet, recordOfWin } from './records.ts'
import { serveLive } from './serve-live.ts'

/** Paths that only messages tell of. */
const noneByMessages = { compact_block: 0, compact_block_round_trip: 0, full_block: 0, mined_here: 0 }

async function heightsOf(answer: Promise<Response>): Promise<readonly number[]> {
  const { blocks } = (await (await answer).json()) as { readonly blocks: readonly BlockRecord[] }
  return blocks.map(({ height = 0 }) => height - 900_000)
}
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const both = [recordOfWin(1), recordOfWin(2, { node: 'node-b' }), recordOfWin(3), recordOfWin(3, { node: 'node-b' })]

it('gives records as they are, newest first', async () => {
  const { get } = await serveLive([recordOfWin(1), recordOfWin(2)])
  const response = await get('/api/v1/blocks')
  expect(response.headers.get('content-type')).toBe('application/json')
  expect(await response.json()).toEqual({ blocks: [recordOfWin(2), recordOfWin(1)] })
})

it.each([
  ['', [3, 3, 2, 1]],
  ['?limit=2', [3, 3]],
  ['?node=node-b', [3, 2]],
  ['?node=node-b&limit=1', [3]],
  ['?node=nobody', []],
  [`?hash=${hashOf(3).toUpperCase()}`, [3, 3]],
])('/api/v1/blocks%s selects', async (query, heights) => {
  const { get } = await serveLive(both)
  expect(await heightsOf(get(`/api/v1/blocks${query}`))).toEqual(heights)
})

it.each([
  ['blocks?limit=x', 'limit has to be a whole number from 1 to 2000.'],
  ['blocks?limit=', 'limit has to be a whole number from 1 to 2000.'],
  ['blocks?limit=0', 'limit has to be a whole number from 1 to 2000.'],
  ['blocks?limit=2001', 'limit has to be a whole number from 1 to 2000.'],
  ['blocks?limit=1e2', 'limit has to be a whole number from 1 to 2000.'],
  ['blocks?limit=-1', 'limit has to be a whole number from 1 to 2000.'],
  ['blocks?limit=1&limit=2', 'limit is there twice.'],
  ['blocks?hash=abc', 'hash has to be the hash of a block: 64 hex digits.'],
  ['blocks?limit=1&constructor=1', 'There is no parameter "constructor"; there are: limit, node, hash.'],
  ['status?node=a', 'There is no parameter "node"; there are none.'],
  [`status?%0A${'x'.repeat(40)}`, `There is no parameter "\\n${'x'.repeat(39)}…"; there are none.`],
])('/api/v1/%s is refused with the reason', async (path, words) => {
  const { get } = await serveLive(both)
  const response = await get(`/api/v1/${path}`)
  expect([response.status, await response.text()]).toEqual([400, `${words}\n`])
})

it('gives a block only when it is closed, and then once', async () => {
  const { live, get } = await serveLive()
  const blocks = () => heightsOf(get('/api/v1/blocks'))
  live.update(recordOfWin(1), false)
  expect(await blocks()).toEqual([])
  live.update(recordOfWin(1), true)
  live.update(recordOfWin(1), false) // late
  expect(await blocks()).toEqual([1])
})

it('keeps the newest 2,000 blocks, whatever order they come in', async () => {
  const { live, get } = await serveLive(range(1001, 3000).map((number) => recordOfWin(number)))
  for (const number of range(1, 1000).reverse()) live.update(recordOfWin(number), true)
  expect(await heightsOf(get('/api/v1/blocks?limit=2000'))).toEqual(range(1001, 3000).reverse())
})

it('keeps those of 24 hours before the last, or before now if the last is from the future', async () => {
  const hours = (from: Date | number, hours: number) => `${new Date(Number(from) + hours * 3_600_000).toISOString().slice(0, -1)}000Z`
  const replayed = Date.UTC(2020, 0, 1)
  const past = [-24.1, -23.9, 0].map((at, i) => recordOfWin(i, { time: hours(replayed, at) }))
  const past24 = await serveLive(past)
  expect(await heightsOf(past24.get('/api/v1/blocks'))).toEqual([2, 1])
  const ahead = [-24.1, -23.9, 1000].map((at, i) => recordOfWin(i, { time: hours(Date.now(), at) }))
  const ahead24 = await serveLive(ahead)
  expect(await heightsOf(ahead24.get('/api/v1/blocks'))).toEqual([2, 1])
})

it('gives no pid of a node of which only the log is known', async () => {
  const { get } = await serveLive([], { ...quiet, nodes: [{ ...node, process: { pid: 0, executable: '/srv/debug.log' } }] })
  const { nodes } = (await (await get('/api/v1/status')).json()) as { nodes: readonly object[] }
  expect(nodes).toEqual([expect.objectContaining({ executable: '/srv/debug.log', up: true })])
  expect(nodes[0]).not.toHaveProperty('pid')
})

it('gives the state of agent and nodes, with the figures of the blocks held', async () => {
  const missing = { probe: 'udp:block_coinbase', attached: false, reason: 'not in this binary' }
  const lost = new Map([
    ['block_connected', 3],
    ['block_send_start', 4],
  ])
  const { get } = await serveLive([recordOfWin(1), recordOfWin(2, { head_start_is_lower_bound: true, reconstruction_ms: 99 })], {
    ...quiet,
    nodes: [
      { ...node, probes: [...node.probes, { ...missing, offered: false }], lost },
      { ...node, node: 'never seen', process: undefined },
      { ...node, node: 'node-b', isUp: false, lastHeight: undefined, lastBlockAt: undefined },
    ],
    pushing: 'http://collector:4318',
  })
  const none = { count: 0, lower_bounds: 0 }
  const durations = { announced_to_connected: { count: 0 }, round_trip: { count: 0 } }
  const requested = { requested_transactions: { count: 0 }, requested_bytes: { count: 0 } }
  const noWays = { compact_blocks: 0, ...durations, ...requested, slowest_stages: {} }
  const figures = (blocks: number) => ({ p50_ms: blocks, p95_ms: blocks, p99_ms: blocks })
  const attached = ['udp:block_reconstructed', 'udp:block_race_time'].map((probe) => ({ probe, attached: true }))
  const state = { pid: 4242, executable: '/usr/local/bin/bitcoind' }
  const sinceStart = { blocks: 1_425, wins: { fibre_udp: 913, bip152_cmpct: 406, other: 2 } }
  expect(await (await get('/api/v1/status')).json()).toEqual({
    version: '1.2.3',
    started_at: '2026-11-22T09:00:00.000Z',
    ready: true,
    reasons: [],
    warnings: [],
    pushing_to: 'http://collector:4318',
    nodes: [
      {
        ...state,
        node: 'node-a',
        up: true,
        fibre: true,
        last_height: 912_345,
        last_block_at: '2026-11-22T12:34:56.789Z',
        probes: [...attached, missing],
        since_start: { ...sinceStart, events_lost: 7 },
        held: {
          from: '2026-11-22T12:00:01.000456Z',
          to: '2026-11-22T12:00:02.000456Z',
          nodes: ['node-a'],
          blocks: 2,
          connected: 2,
          never_connected: 0,
          paths: { fibre_udp: 2, bip152_cmpct: 0, other: 0, no_race: 0, unknown: 0, ...noneByMessages },
          races: 2,
          fibre_win_rate: 1,
          race_coverage: 1,
          head_starts: { fibre_udp: { count: 2, lower_bounds: 1, ...figures(5.25) }, bip152_cmpct: none },
          reconstruction: { count: 2, p50_ms: 12.345, p95_ms: 99, p99_ms: 99 },
          ...noWays,
          slowest_stages: { validation: 2 },
          slowest: [hashOf(2), hashOf(1)],
        },
      },
      {
        ...state,
        node: 'node-b',
        up: false,
        fibre: true,
        probes: attached,
        since_start: { ...sinceStart, events_lost: 0 },
        held: {
          nodes: [],
          blocks: 0,
          connected: 0,
          never_connected: 0,
          paths: { fibre_udp: 0, bip152_cmpct: 0, other: 0, no_race: 0, unknown: 0, ...noneByMessages },
          races: 0,
          head_starts: { fibre_udp: none, bip152_cmpct: none },
          reconstruction: { count: 0 },
          ...noWays,
          slowest: [],
        },
      },
    ],
  })
})
