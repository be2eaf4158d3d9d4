import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { type BlockRecord, isBlockRecord } from '../../agent/blocks/record.ts'
import { journalFiles } from '../../agent/journal/files.ts'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { type Recorded, readRecording } from '../demo-node/recording.ts'
import { type AgentProcess, startAgentProcess, withoutMessages } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { randomFrom } from '../harness/random.ts'
import { attached, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

const NODES = 4
const KILLS_OF_EACH = 25
const LONGEST_LIFE_MS = 6_000
/** A block is closed a second after all is known of it, at the next look, which is taken each second; and a quarter for getting there. */
const OPEN_NS = 2.25e9

beforeEach(requireBpf)

const nowNs = () => Number(process.hrtime.bigint())

function startAgent(bitcoind: string, journal: string): Promise<AgentProcess> {
  return startAgentProcess({ args: ['--bitcoind', bitcoind, '--journal', journal, '--journal-file-size', '256KiB', ...withoutMessages] })
}

const isAttached = (agent: AgentProcess) => agent.logged(({ msg }) => msg === 'attached to bitcoind')

/** Text of all files of a journal together. */
function textOf(journal: string): string {
  const files = journalFiles(journal).filter((file) => existsSync(file)) // an agent may have been killed between two files
  return files.map((file) => readFileSync(file, 'utf8')).join('')
}

/** Fails if a line is no record. */
function recordsIn(text: string): readonly BlockRecord[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const record = JSON.parse(line)
    if (!isBlockRecord(record)) throw new Error(`no record: ${line}`)
    return record
  })
}

const hashesIn = (journal: string) => recordsIn(textOf(journal)).map(({ block_hash }) => block_hash)

interface Life {
  readonly attachedNs: number
  readonly endedNs: number
  /** Longest delay of this process: the agent may have been delayed, too. */
  readonly stalledNs: number
  /** Number of records in the journal at that time. */
  readonly count: number
}

describe('an agent that is killed at 100 random moments, with a block every 10 ms,', () => {
  /** Kills agents on one node, one after another. The last may end in peace. */
  async function live(number: number) {
    const { path, install } = stage()
    const [bitcoind, journal, recording] = [install('bitcoind'), path('blocks.ndjson'), path('events.jsonl')]
    const args = ['--interval', '0.01', '--no-messages', '--seed', `${number}`, '--record', recording]
    await using node = await startDemoNode({ binary: bitcoind, args })
    const records: BlockRecord[] = []
    let text = ''
    /** Reads on. What was there must be there still, with an end; of what is new, only the end of the last line may be missing. */
    const read = () => {
      const before = text === '' || text.endsWith('\n') ? text : `${text}\n`
      text = textOf(journal)
      expect(text.startsWith(before)).toBe(true)
      const added = text.slice(before.length)
      records.push(...recordsIn(added.slice(0, added.lastIndexOf('\n') + 1)))
    }

    const moments = randomFrom(number)
    const lives: Life[] = []
    while (lives.length < KILLS_OF_EACH) {
      await using agent = await startAgent(bitcoind, journal)
      await isAttached(agent)
      const attachedNs = nowNs()
      const delay = monitorEventLoopDelay()
      delay.enable()
      await setTimeout(moments() * LONGEST_LIFE_MS)
      const endedNs = nowNs()
      agent.kill('SIGKILL')
      delay.disable()
      await agent.exited
      read()
      lives.push({ attachedNs, endedNs, stalledNs: delay.max, count: records.length })
    }

    await using agent = await startAgent(bitcoind, journal)
    await isAttached(agent)
    const attachedNs = nowNs()
    await until(async () => (await agent.scrape()).sum('bitcoin_blocks_connected_total') > 50, 'some blocks')
    node.kill()
    await agent.logged(({ msg }) => /^bitcoind ended/.test(msg))
    agent.kill('SIGTERM')
    expect(await agent.exited).toMatchObject({ code: 0 })
    read()
    return { events: readRecording(recording).filter(hasHash), records, lives, lastAttachedNs: attachedNs }
  }

  it('loses at most the blocks that were open, and none is journalled twice', async () => {
    const runs = await Promise.all(Array.from({ length: NODES }, (_, number) => live(number)))
    let closedBlocks = 0
    for (const { events, records, lives, lastAttachedNs } of runs) {
      const heights = new Map(events.filter(isConnected).map(({ block_hash, height }) => [block_hash, height]))
      const journalled = new Map(records.map(({ block_hash, height }) => [block_hash, height]))
      expect(journalled.size).toBe(records.length)
      for (const [hash, height] of journalled) expect([hash, height]).toEqual([hash, heights.get(hash)])

      const blocks = [...Map.groupBy(events, ({ block_hash }) => block_hash)]
      for (const { attachedNs, endedNs, stalledNs, count } of lives) {
        const closed = blocks.filter(([, block]) => beganNs(block) > attachedNs && knownNs(block) < endedNs - OPEN_NS - stalledNs)
        const journalledByThen = new Set(records.slice(0, count).map(({ block_hash }) => block_hash))
        expect(closed.map(([hash]) => hash).filter((hash) => !journalledByThen.has(hash))).toEqual([])
        closedBlocks += closed.length
      }
      const connected = blocks.filter(([hash, block]) => beganNs(block) > lastAttachedNs && heights.has(hash))
      expect(connected.map(([hash]) => hash).filter((hash) => !journalled.has(hash))).toEqual([])
    }
    expect(closedBlocks).toBeGreaterThan(1_000)
  })
})

type OfBlock = Recorded & { readonly block_hash: string }

const hasHash = (event: Recorded): event is OfBlock => typeof event.block_hash === 'string'
const isConnected = ({ probe }: Recorded) => probe === 'validation:block_connected'
const beganNs = (block: readonly OfBlock[]) => Math.min(...block.map(({ ts_ns }) => ts_ns))

/** When all was known of a block that had a race; others stay open for longer than an agent lives here. */
function knownNs(block: readonly OfBlock[]): number {
  const needed = ['validation:block_connected', 'udp:block_race_winner', 'udp:block_race_time']
  return Math.max(...needed.map((probe) => block.find((event) => event.probe === probe)?.ts_ns ?? Number.POSITIVE_INFINITY))
}

it('an agent that starts anew journals no block that it did before', async () => {
  const { path, install } = stage()
  const [bitcoind, journal, recording] = [install('bitcoind'), path('blocks.ndjson'), path('events.jsonl')]
  await using node = await startNode(bitcoind, path(), ['--record', recording])
  {
    await using agent = await startAgent(bitcoind, journal)
    await attached(node)
    await node.command('blocks 20')
    await until(() => hashesIn(journal).length === 20, 'all blocks to be journalled', 15_000)
    agent.kill('SIGKILL')
    await agent.exited
  }
  copyFileSync(recording, path('again.jsonl'))
  await using agent = await startAgent(bitcoind, journal)
  await attached(node)
  await node.command(`replay ${path('again.jsonl')} 0`)
  await node.command('blocks 5')
  await until(async () => (await agent.scrape()).sum('bitcoin_blocks_connected_total') === 25, 'the blocks to be counted')
  agent.kill('SIGTERM')
  await agent.exited
  const hashes = hashesIn(journal)
  expect(hashes).toHaveLength(25)
  expect(new Set(hashes).size).toBe(25)
})

it('a bitcoind that is killed and started again, five times over, has each of its blocks in the journal once', async () => {
  const { path, install } = stage()
  const [bitcoind, journal] = [install('bitcoind'), path('blocks.ndjson')]
  await using agent = await startAgent(bitcoind, journal)
  const connected: string[] = []
  for (let life = 1; life <= 5; life++) {
    const recording = path(`${life}.jsonl`)
    const args = ['--seed', `${life}`, '--height', `${900_000 + 10 * life}`, '--record', recording]
    await using node = await startNode(bitcoind, path(), args)
    await attached(node)
    await node.command('blocks 10')
    node.kill('SIGKILL')
    await node.exited
    connected.push(
      ...readRecording(recording)
        .filter(hasHash)
        .filter(isConnected)
        .map(({ block_hash }) => block_hash),
    )
  }
  agent.kill('SIGTERM')
  await agent.exited
  expect(connected).toHaveLength(50)
  expect(hashesIn(journal).toSorted()).toEqual(connected.toSorted())
})

it('an agent measures on beside a journal that is somebody else’s file, and leaves that as it is', async () => {
  const { path, install } = stage()
  const [bitcoind, journal] = [install('bitcoind'), path('wallet.dat')]
  writeFileSync(journal, readFileSync(bitcoind))
  await using node = await startNode(bitcoind, path())
  await using agent = await startAgent(bitcoind, journal)
  await attached(node)
  await node.command('blocks 10')
  await until(async () => (await agent.scrape()).value('fibre_exporter_journal_failures_total') === 10, 'the records to be closed', 15_000)
  const page = await agent.scrape()
  expect(page.sum('bitcoin_blocks_connected_total')).toBe(10)
  expect(page.sum('fibre_exporter_journal_records_total')).toBe(0)
  expect(agent.log.filter(({ journal }) => journal !== undefined && journal !== 'none')).toMatchObject([
    { level: 'error', journal, reason: expect.stringMatching(/^it holds something else.*--journal PATH$/) },
  ])
  expect(readFileSync(journal).equals(readFileSync(bitcoind))).toBe(true)
})

const webhook = ['--alert-webhook-url', 'http://127.0.0.1:9/']

it.for([
  ['journal', 'blocks.ndjson', (file: string) => ['--journal', file]],
  ['recording', 'events.jsonl', (file: string) => ['--record', file]],
  [
    'webhook queue',
    'blocks.webhook-queue',
    (file: string, start: number) => ['--journal', file.replace('webhook-queue', `${start}`), ...webhook],
  ],
] as const)('a second agent with one %s is refused in words; once the first has ended it starts', async ([, name, args]) => {
  const { path } = stage()
  const file = path(name)
  let starts = 0
  const start = (untilListening: boolean) => startAgentProcess({ args: args(file, starts++), untilListening })
  await using first = await start(true)
  {
    await using second = await start(false)
    const { code, stderr } = await second.exited
    expect(stderr).toMatch(`fibre-agent: another agent writes ${file}: pid ${first.pid}; stop that one, or name another file with --`)
    expect(code).toBe(1)
  }
  first.kill('SIGKILL')
  await first.exited
  await using third = await start(true)
  third.kill('SIGTERM')
  expect(await third.exited).toMatchObject({ code: 0, stderr: '' })
  expect(existsSync(`${file}.lock`)).toBe(false)
})
