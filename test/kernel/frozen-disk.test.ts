import { mkdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { startAgentProcess, withoutMessages } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { mountDisk } from '../harness/mounted.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'
import { startReceiver } from '../harness/webhook-receiver.ts'

beforeEach(requireBpf)

/** Files on it are being written to all the time: every kind that the agent has. */
const EVERY_FILE = 4
const STANDS_STILL = /^the disk does not answer/

async function isListening(url: string): Promise<boolean> {
  const { port } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(Number(port), '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
  const isListening = await promise
  socket.destroy()
  return isListening
}

it('a disk that stands still holds up what is written to it and nothing else, not even the end', { timeout: 90_000 }, async (context) => {
  const { path, install } = stage()
  const disk = mountDisk(context)
  const receiver = await startReceiver()
  const bitcoind = install('bitcoind')
  mkdirSync(join(disk.directory, 'j'))
  const [journal, log, recording] = ['j/blocks.ndjson', 'agent.log', 'events.jsonl'].map((name) => join(disk.directory, name)) as [
    string,
    string,
    string,
  ]
  const webhook = ['--alert-webhook-url', receiver.url.replace('127.0.0.1', 'localhost'), '--slow-threshold-ms', '0.001']
  const args = ['--bitcoind', bitcoind, '--journal', journal, '--log-file', log, '--record', recording, ...webhook]
  await using node = await startNode(bitcoind, path())
  await using agent = await startAgentProcess({ args })
  const connected = async () => (await agent.scrape()).sum('bitcoin_blocks_connected_total')
  const journalled = async () => (await agent.scrape()).sum('fibre_exporter_journal_records_total')
  await attached(node)
  await node.command('blocks 5')
  await until(async () => (await journalled()) === 5, 'five records', 15_000)
  const delivered = receiver.received.length

  using _ = disk.freeze()
  await node.command('blocks 20')
  await until(async () => (await connected()) === 25, 'the blocks to be counted', 2_000)
  await until(
    () => agent.log.filter(({ reason }) => STANDS_STILL.test(String(reason))).length === EVERY_FILE,
    'what stands still to be said',
    30_000,
  )
  await node.command('blocks 5')
  await until(async () => (await connected()) === 30, 'the blocks to be counted', 2_000)
  expect((await fetch(`${agent.url('health')}/health`)).ok).toBe(true)
  expect(await (await fetch(`${agent.url('metrics')}/api/v1/status`)).text()).toContain(
    'The journal cannot be written: the disk does not answer',
  )
  await until(() => receiver.received.length > delivered + 10, 'slow blocks to be posted, for which a name is looked up', 20_000)
  expect((await agent.scrape()).value('fibre_exporter_journal_failures_total')).toBeGreaterThan(10)
  expect(await journalled()).toBe(5)

  const start = performance.now()
  agent.kill('SIGTERM')
  await agent.logged(({ msg }) => msg === 'stopped')
  await until(async () => !(await isListening(agent.url('metrics'))), 'the ports to be closed')
  expect(performance.now() - start).toBeLessThan(4_000)
  expect(agent.log).toContainEqual(expect.objectContaining({ msg: 'records could not be written to the journal' }))
  disk.thaw() // until then the kernel keeps the threads that wait for it, and with them the process
  expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
  for (const file of [journal, log, recording])
    for (const line of readFileSync(file, 'utf8').split('\n').slice(0, -1)) expect(() => JSON.parse(line)).not.toThrow()
})

it('records that waited for a disk are written when it answers again, and none twice', { timeout: 60_000 }, async (context) => {
  const { path, install } = stage()
  const disk = mountDisk(context)
  const [bitcoind, journal] = [install('bitcoind'), join(disk.directory, 'blocks.ndjson')]
  await using node = await startNode(bitcoind, path())
  await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--journal', journal, '--no-alerts', ...withoutMessages] })
  await attached(node)
  using _ = disk.freeze()
  for (let i = 0; i < 3; i++) await node.command('blocks 10')
  await agent.logged(({ reason }) => STANDS_STILL.test(String(reason)))
  disk.thaw()
  await agent.logged(({ msg, lost }) => msg === 'the journal can be written again' && lost === 0)
  await until(async () => (await agent.scrape()).sum('fibre_exporter_journal_records_total') === 30, 'all records', 15_000)
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1)
  expect(new Set(lines.map((line) => JSON.parse(line).block_hash)).size).toBe(30)
  expect(lines).toHaveLength(30)
})

it('an agent starts though its disk stands still', { timeout: 60_000 }, async (context) => {
  const disk = mountDisk(context)
  const args = ['--journal', join(disk.directory, 'new.ndjson'), '--log-file', join(disk.directory, 'agent.log')]
  const frozen = disk.freeze()
  await using agent = await startAgentProcess({ args })
  using _ = frozen
  expect((await fetch(`${agent.url('health')}/health`)).ok).toBe(true)
  disk.thaw()
  agent.kill('SIGTERM')
  expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
})
