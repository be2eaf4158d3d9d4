import { expect, it } from 'vitest'
import { isMessageEvent } from '../../../agent/blocks/relay/message.ts'
import { eventOf, FIBRE, timesAre, winnerIs } from '../blocks/events.ts'
import { type BlockHeader, block, blocktxn, chainOf, cmpctblock, getblocktxn, headers } from '../blocks/relay/messages.ts'
import type { AnyEvent } from '../blocks/relay/start.ts'
import { connection } from '../blocks/relay/start.ts'
import { openPage } from './page.ts'

const chain = chainOf(8) as readonly BlockHeader[] as readonly [BlockHeader, ...BlockHeader[]]
const at = (index: number): BlockHeader => chain[index] ?? chain[0]

/** The samples of the page that are not 0 after these events, of the metrics whose names match: `name{value of the label}`. */
async function figuresAfter(names: RegExp, ...events: readonly AnyEvent[]) {
  const page = await openPage()
  const { blocks } = page.nodes.add('n')
  blocks.messagesVisible = true
  blocks.advance(-1e12)
  for (const event of events) isMessageEvent(event) ? blocks.observeMessage(event) : page.hit(event)
  blocks.advance(1000e9)
  const samples = (await page.scrape()).samples.filter(({ name, value }) => names.test(name) && !name.endsWith('_bucket') && value !== 0)
  return Object.fromEntries(
    samples.map(({ name, labels: { node, ...labels }, value }) => [
      `${name}${Object.values(labels).map((label) => `{${label}}`)}`,
      Number(value.toFixed(9)),
    ]),
  )
}

it('count how compact blocks became blocks, and measure what was asked for', async () => {
  const [whole, direct, asked, failed, never] = [at(0), at(1), at(2), at(3), at(4)]
  const events = [
    headers(whole, { at: 1 }),
    block(whole, { at: 1.5 }),
    connection(whole, { at: 2 }),
    cmpctblock(direct, { at: 11 }),
    connection(direct, { at: 11.25 }),
    cmpctblock(asked, { at: 21 }),
    getblocktxn(asked, 17, { at: 21.001 }),
    blocktxn(asked, 4321, { at: 21.05 }),
    connection(asked, { at: 21.5 }),
    cmpctblock(failed, { at: 31 }),
    getblocktxn(failed, 900, { at: 31.001 }),
    blocktxn(failed, 999, { at: 31.05 }),
    block(failed, { at: 32 }),
    connection(failed, { at: 33 }),
    cmpctblock(never, { at: 41 }),
  ]
  expect(await figuresAfter(/^bitcoin_(compact|block_ann)/, ...events)).toEqual({
    'bitcoin_block_announcements_total{headers}': 1,
    'bitcoin_block_announcements_total{cmpctblock}': 3,
    bitcoin_block_announced_to_connected_seconds_count: 4,
    bitcoin_block_announced_to_connected_seconds_sum: 1 + 0.25 + 0.5 + 2,
    'bitcoin_compact_block_reconstructions_total{no_round_trip}': 1,
    'bitcoin_compact_block_reconstructions_total{round_trip}': 1,
    'bitcoin_compact_block_reconstructions_total{full_block}': 1,
    bitcoin_compact_block_requested_transactions_count: 1,
    bitcoin_compact_block_requested_transactions_sum: 17,
    bitcoin_compact_block_requested_bytes_count: 1,
    bitcoin_compact_block_requested_bytes_sum: 4321,
    bitcoin_compact_block_round_trip_seconds_count: 1,
    bitcoin_compact_block_round_trip_seconds_sum: 0.049,
  })
})

it('count each connected block once, when it is closed, by the path of its record', async () => {
  const events = [
    connection(at(0), { at: 10 }),
    winnerIs(at(0).hash, FIBRE, 10),
    timesAre(at(0).hash, 120, 60, 10),
    cmpctblock(at(1), { at: 20 }),
    connection(at(1), { at: 20.1 }),
    cmpctblock(at(2), { at: 30 }),
    getblocktxn(at(2), 17, { at: 30.1 }),
    blocktxn(at(2), 4321, { at: 30.2 }),
    connection(at(2), { at: 30.3 }),
    block(at(3), { at: 40 }),
    connection(at(3), { at: 40.1 }),
    connection(at(4), { at: 50 }),
    headers(at(5), { at: 60 }),
    connection(at(5), { at: 60.1 }),
    eventOf('udp:block_coinbase', { blockHash: at(6).hash, stampNs: 70e9 }), // and is not connected
    connection(at(1), { at: 80 }), // again, after a crash
  ]
  const names = /^bitcoin_blocks_(total|connected)/
  expect(await figuresAfter(names, ...events)).toEqual({
    bitcoin_blocks_connected_total: 7,
    'bitcoin_blocks_total{fibre_udp}': 1,
    'bitcoin_blocks_total{compact_block}': 1,
    'bitcoin_blocks_total{compact_block_round_trip}': 1,
    'bitcoin_blocks_total{full_block}': 1,
    'bitcoin_blocks_total{mined_here}': 1,
    'bitcoin_blocks_total{unknown}': 1,
  })
})

it('measure how much later further peers announced a block', async () => {
  const events = [cmpctblock(at(0), { at: 1, peer: 1 }), connection(at(0), { at: 1.1 })]
  const further = [2, 3].map((peer) => headers(at(0), { at: 1 + peer / 4, peer }))
  expect(await figuresAfter(/announcement/, ...events, ...further)).toEqual({
    'bitcoin_block_announcements_total{cmpctblock}': 1,
    'bitcoin_block_announcements_total{headers}': 2,
    bitcoin_block_announcement_lag_seconds_count: 2,
    bitcoin_block_announcement_lag_seconds_sum: 1.25,
  })
})

it('measure the head start of a race that a late compact block completed, beside its lower bound', async () => {
  const { hash } = at(0)
  const race = [connection(at(0), { at: 10 }), winnerIs(hash, FIBRE, 10), timesAre(hash, 120, -1, 10)]
  expect(await figuresAfter(/head_start/, ...race, cmpctblock(at(0), { at: 10.035 }))).toEqual({
    'fibre_race_head_start_at_least_seconds_count{fibre_udp}': 1,
    'fibre_race_head_start_at_least_seconds_sum{fibre_udp}': 0.12,
    'fibre_race_head_start_measured_seconds_count{fibre_udp}': 1,
    'fibre_race_head_start_measured_seconds_sum{fibre_udp}': 0.155,
  })
})

it('count the blocks that a node caught up with, and connected, and nothing else', async () => {
  const blocks = Array.from({ length: 50 }, (_, index) => connection({ hash: `hash ${index}` } as BlockHeader, { at: 1 + index / 10 }))
  expect(await figuresAfter(/^(bitcoin_(block|catch|compact)|fibre_(block|race))/, ...blocks)).toEqual({
    bitcoin_blocks_connected_total: 50,
    bitcoin_blocks_caught_up_total: 50,
  })
})

it('count competing blocks, reorganisations by their depth, and headers whose block does not come', async () => {
  const [first, second] = chain as unknown as [BlockHeader, BlockHeader]
  const branch = chainOf(3, first.hash, 7)
  const old = [first, second].map((one, index) => connection(one, { at: 1 + index, height: 100 + index }))
  const seen = cmpctblock(first, { at: 0.9 })
  const taken = branch.slice(0, 2).map((one, index) => connection(one, { at: 20 + index / 100, height: 101 + index }))
  const missing = headers(branch[2] as BlockHeader, { at: 50 })
  expect(await figuresAfter(/competing|reorgan|without_block/, seen, ...old, ...taken, missing)).toEqual({
    bitcoin_competing_blocks_total: 1,
    bitcoin_reorganisations_total: 1,
    bitcoin_reorganisation_depth_blocks_count: 1,
    bitcoin_reorganisation_depth_blocks_sum: 1,
    bitcoin_headers_without_block_total: 1,
  })
})

it('tell whether a node catches up only while it runs and tells what it connects', async () => {
  const page = await openPage()
  expect((await page.scrape()).series('bitcoin_catching_up')).toEqual([])
})
