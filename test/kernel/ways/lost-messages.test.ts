import { beforeEach, expect, it } from 'vitest'
import { buildStockDemoNode } from '../../demo-node/compile.ts'
import { demoNodeBinary, startDemoNode } from '../../demo-node/demo-node.ts'
import { startAgentProcess } from '../../harness/agent.ts'
import { requireBpf } from '../../harness/listening.ts'
import { stage } from '../../harness/stage.ts'
import { until } from '../../harness/until.ts'
import { type BlockRecord, recordsIn } from './agent-run.ts'
import { compareRecord } from './compare-record.ts'
import { Comparison } from './comparison.ts'
import { isConnected, isWaiting, readWays, type Way } from './expected-way.ts'

beforeEach(requireBpf)

const AFTER = 10

/** While the agent stands still: their events and messages are more than its ring buffer holds. */
it.for([
  ['a FIBRE node', () => demoNodeBinary, 100],
  ['a node of Bitcoin Core', buildStockDemoNode, 150],
] as const)('of %s nothing wrong is told where messages were lost, and all of the blocks after that', async ([, binary, unread]) => {
  const { path } = stage()
  const files = ['--record', path('events'), '--history', path('history')]
  await using node = await startDemoNode({ binary: binary(), args: ['--control', ...files] })
  const args = ['--pid', String(node.pid), '--journal', path('journal'), '--ring-size', '256KiB']
  await using agent = await startAgentProcess({ args })
  await agent.logged(({ msg }) => msg === 'attached to bitcoind')
  const attachedNs = Number(process.hrtime.bigint())
  agent.kill('SIGSTOP')
  await node.command(`relay ${unread} 1000`)
  agent.kill('SIGCONT')
  await until(async () => (await agent.scrape()).sum('fibre_exporter_events_lost_total') > 0, 'the loss')
  await node.command(`relay ${AFTER} 1000`)
  const ways = readWays(path('history'), path('events'))
  const after = ways.filter(isConnected).slice(unread)
  const recordOf = ({ block }: Way) => recordsIn(path('journal')).find(({ block_hash }) => block_hash === block.block_hash)
  await until(() => after.every((way) => isWaiting(way) || recordOf(way)), 'the records')
  agent.kill('SIGTERM')
  expect(await agent.exited).toMatchObject({ code: 0 })

  const records = new Map(recordsIn(path('journal')).map((record) => [record.block_hash, record]))
  const before = ways.filter(isConnected).slice(0, unread)
  for (const way of before) expectTrue(way, records.get(way.block.block_hash))
  const told = before.filter(({ block }) => records.has(block.block_hash)).length
  expect(told).toBeGreaterThan(unread / 10)
  expect(told).toBeLessThan(unread)
  const times = new Comparison()
  for (const way of after) compareRecord(way, records.get(way.block.block_hash) as BlockRecord, attachedNs, times)
})

/** Expects what a record tells of the way to be of this block, as far as it tells any. */
function expectTrue({ block, announcements, compact, request, answer, whole, told }: Way, record: BlockRecord | undefined): void {
  if (record === undefined) return
  const about = `${JSON.stringify(record)}, of ${JSON.stringify(block)}`
  expect([block.path, 'unknown', ...withoutMessages(block.path)], about).toContain(record.path)
  const sizes = { compact_block_bytes: compact, requested_bytes: answer, full_block_bytes: whole }
  for (const [field, message] of Object.entries(sizes)) expect([undefined, message?.size], `${field} in ${about}`).toContain(record[field])
  expect([undefined, request && block.requested?.transactions], about).toContain(record.requested_transactions)
  expect([undefined, ...announcements.map(({ peer_id }) => `peer=${peer_id}`)], about).toContain(record.announced_by)
  expect(Number(record.announcers ?? 0), about).toBeLessThanOrEqual(announcements.length)
  if (told === undefined) expect(record.told_at, about).toBeUndefined()
}

/** What is told of a block's path without messages. */
function withoutMessages(path: Way['block']['path']): readonly string[] {
  if (path === 'fibre_udp') return []
  return path === 'mined_here' ? ['no_race'] : ['bip152_cmpct', 'other']
}
