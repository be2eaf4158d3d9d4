import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import type { BlockRecord } from '../../agent/blocks/record.ts'
import type { DemoNode, FiredEvent } from '../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess, withoutMessages } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { answers, hangs, type Received, startReceiver } from '../harness/webhook-receiver.ts'

const OUTAGE_MS = 60_000
/** Waits between attempts come to that, and an attempt takes 10 s at most. */
const NEXT_ATTEMPT_MS = 75_000

beforeEach(requireBpf)

const pending = async (agent: AgentProcess) => (await agent.scrape()).value('fibre_exporter_webhook_pending')
const connected = async (agent: AgentProcess) => (await agent.scrape()).sum('bitcoin_blocks_connected_total')

/** Has some blocks relayed; the agent must count them at once, whatever the receiver does. */
async function relay(agent: AgentProcess, node: DemoNode): Promise<void> {
  const before = await connected(agent)
  const { blocks } = await node.command('blocks 5 10000')
  const start = performance.now()
  await until(async () => (await connected(agent)) === before + blocks, 'the blocks to be counted')
  expect(performance.now() - start).toBeLessThan(1_000)
}

/** Hashes of the blocks that were reconstructed, by the lines of a file. */
function hashesIn<Line>(path: string, hashOf: (line: Line) => unknown): readonly unknown[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => hashOf(JSON.parse(line))).filter((hash) => hash !== undefined)
}

it('delivers every slow block at least once and in order, though the receiver hangs, fails, redirects and is down for a minute, and the agent is killed', async () => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  const receiver = await startReceiver(hangs)
  const other = await startReceiver()
  const settings = ['--bitcoind', bitcoind, '--journal', path('blocks.ndjson'), '--alert-webhook-url', `${receiver.url}/token`]
  const start = () => startAgentProcess({ args: [...settings, '--slow-threshold-ms', '0.001', ...withoutMessages] }) // so that each is slow
  await using node = await startNode(bitcoind, path(), ['--record', path('events.jsonl')])

  const fired = () =>
    hashesIn<FiredEvent>(path('events.jsonl'), (event) => (event.probe === 'udp:block_reconstructed' ? event.block_hash : undefined))
  const journalled = () =>
    hashesIn<BlockRecord>(path('blocks.ndjson'), (record) => (record.reconstruction_ms === undefined ? undefined : record.block_hash))
  const allClosed = () => until(() => journalled().length === fired().length, 'all records to be closed', 15_000)

  await using killed = await start()
  await attached(node)
  await relay(killed, node)
  await until(() => receiver.received.length === 1, 'a first post', 15_000)
  await relay(killed, node)
  receiver.answer = answers(500)
  await until(() => receiver.received.length >= 3, 'two more posts', 15_000)
  await relay(killed, node)
  receiver.answer = answers(307, { Location: `${other.url}/moved` })
  await allClosed()
  await until(async () => (await pending(killed)) === 0, 'all to go where they are redirected', NEXT_ATTEMPT_MS)

  receiver.stop()
  const outage = setTimeout(OUTAGE_MS)
  for (let i = 0; i < 3; i++) await relay(killed, node)
  await allClosed()
  await killed.logged(({ reason }) => /ECONNREFUSED/.test(String(reason)))
  killed.kill('SIGKILL')
  await killed.exited

  await using agent = await start()
  await attached(node)
  expect(await pending(agent)).toBeGreaterThan(5)
  for (let i = 0; i < 3; i++) await relay(agent, node)
  await outage
  const back = await startReceiver(answers(200), { port: receiver.port })
  await relay(agent, node)
  await allClosed()
  await until(async () => (await pending(agent)) === 0, 'all deliveries', NEXT_ATTEMPT_MS)

  const delivered = hashesOf([...other.received, ...back.received])
  expect(delivered).toEqual(journalled())
  expect(delivered.toSorted()).toEqual(fired().toSorted())
  expect(delivered.length).toBeGreaterThan(20)
  const log = [...killed.log, ...agent.log]
  expect(log.filter(({ msg }) => msg === 'slow_block_alert').map(({ block_hash }) => block_hash)).toEqual(delivered)
  expect(killed.log.filter(({ msg }) => /deliver/.test(msg)).map(({ msg, reason }) => [msg, reason])).toEqual([
    ['cannot deliver slow blocks; trying again for as long as it takes', 'no answer within 10 s'],
    ['delivering slow blocks', undefined],
    ['cannot deliver slow blocks; trying again for as long as it takes', expect.stringContaining('ECONNREFUSED')],
  ])
  expect(JSON.stringify(log)).not.toContain('token')
})

/** Each once, in the order of its first arrival. */
function hashesOf(received: readonly Received[]): readonly string[] {
  return [...new Set(received.map(({ payload }) => payload.block_hash))]
}
