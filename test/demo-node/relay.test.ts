import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildStockDemoNode } from './compile.ts'
import { type DemoNodeOptions, startDemoNode } from './demo-node.ts'
import { type BlockHistory, readHistory } from './history.ts'
import { blockOf, headerIn, isMessage, previousHash, type RecordedMessage } from './message.ts'
import { type Recorded, readRecording } from './recording.ts'

const root = mkdtempSync(join(tmpdir(), 'relay-'))
afterAll(() => rmSync(root, { recursive: true }))
const newDirectory = () => mkdtempSync(join(root, 'node-'))

/** Of the first message and connection of a block, and of its own stamp: what is recorded is stamped a moment later. */
const SAME_NS = 20e6
/** What is planned is done so soon, unless the machine is busy with others. */
const SOON_NS = 10e6

/** A message and the hash of the only block that it is about. */
type Message = RecordedMessage & { readonly hash: string | undefined }

interface Run {
  readonly events: readonly Recorded[]
  readonly messages: readonly Message[]
  readonly history: readonly BlockHistory[]
  readonly log: readonly string[]
}

/** Runs commands on a node that fires though nothing is attached. */
async function run(commands: readonly string[], args: readonly string[] = [], options: DemoNodeOptions = {}): Promise<Run> {
  const directory = newDirectory()
  const [recording, history] = [join(directory, 'events.jsonl'), join(directory, 'history.jsonl')]
  const files = ['--record', recording, '--history', history, '--datadir', directory]
  await using node = await startDemoNode({ ...options, args: ['--control', '--always', ...files, ...args] })
  for (const command of commands) await node.command(command as 'relay 1')
  const events = readRecording(recording)
  return {
    events,
    messages: (events.filter(isMessage) as unknown as RecordedMessage[]).map((message) => ({ ...message, hash: blockOf(message) })),
    history: readHistory(history),
    log: readFileSync(join(directory, 'debug.log'), 'utf8').split('\n'),
  }
}

const inbound = ({ probe }: RecordedMessage) => probe === 'net:inbound_message'
const announces = ({ message }: RecordedMessage) => ['cmpctblock', 'headers', 'inv', 'block'].includes(message)
const isConnected = ({ probe }: Recorded) => probe === 'validation:block_connected'
const passed = (message: RecordedMessage | undefined) =>
  message ? { peer: message.peer_id, message: message.message, bytes: message.size } : null
const withoutTimes = <T extends object>(passed: T | null) => {
  if (passed === null) return null
  const { at_ns: _, lag_ns: __, ...rest } = passed as Record<string, unknown>
  return rest
}

/** What the history of a block has to be, from what was fired. */
function historyOf(hash: string, { events, messages }: Run) {
  const own = messages.filter((message) => message.hash === hash)
  const received = own.filter(inbound)
  const sent = own.filter((message) => !inbound(message))
  const first = (list: readonly RecordedMessage[], type: string) => list.find(({ message }) => message === type)
  return {
    announcements: [...Map.groupBy(received.filter(announces), ({ peer_id }) => peer_id).values()].map(([message]) => passed(message)),
    compact_block: passed(first(received, 'cmpctblock')),
    request: passed(first(sent, 'getblocktxn')),
    answer: passed(first(received, 'blocktxn')),
    whole_block: passed(first(received, 'block')),
    told: passed(sent.find(announces)),
    told_peers: sent.filter(announces).length,
    firstNs: received[0]?.ts_ns,
    connectedNs: events.find((event) => isConnected(event) && event.block_hash === hash)?.ts_ns,
  }
}

function expectHistory(run: Run): void {
  for (const block of run.history) {
    const { firstNs, connectedNs, ...expected } = historyOf(block.block_hash, run)
    expect({
      announcements: block.announcements.map(withoutTimes),
      compact_block: withoutTimes(block.compact_block),
      request: withoutTimes(block.requested?.request ?? null),
      answer: withoutTimes(block.requested?.answer ?? null),
      whole_block: withoutTimes(block.whole_block),
      told: withoutTimes(block.told),
      told_peers: block.told_peers,
    }).toEqual(expected)
    expect(block.connected_ns === null).toBe(connectedNs === undefined)
    if (connectedNs !== undefined) expect(Math.abs(connectedNs - (block.connected_ns ?? 0))).toBeLessThan(SAME_NS)
    if (firstNs !== undefined) expect(Math.abs(firstNs - (block.announcements[0]?.at_ns ?? 0))).toBeLessThan(SAME_NS)
  }
}

/** Connected blocks one upon the other, by the headers in messages. */
function expectChain({ events, messages }: Run): void {
  const headers = new Map(messages.map((message) => [message.hash ?? '', headerIn(message)] as const).filter(([, header]) => header))
  const connected = events.filter(isConnected).map(({ block_hash }) => String(block_hash))
  const withHeader = connected.slice(1).filter((hash) => headers.has(hash))
  expect(withHeader.length).toBeGreaterThan(connected.length / 2)
  for (const hash of withHeader) expect(previousHash(headers.get(hash) as Buffer)).toBe(connected[connected.indexOf(hash) - 1])
}

const paths = ({ history }: Run) => new Set(history.map(({ path }) => path))

describe('blocks that are relayed with messages', { timeout: 60_000 }, () => {
  let fibre: Run
  let stock: Run
  beforeAll(async () => {
    ;[fibre, stock] = await Promise.all([run(['relay 150 1000']), run(['relay 150 1000'], [], { binary: buildStockDemoNode() })])
  }, 60_000)

  it('come on every path', () => {
    const ways = ['compact_block', 'compact_block_round_trip', 'full_block', 'mined_here', null]
    expect(paths(fibre)).toEqual(new Set(['fibre_udp', ...ways]))
    expect(paths(stock)).toEqual(new Set(ways))
    for (const { history } of [fibre, stock]) expect(history.filter(({ path }) => path !== null)).toHaveLength(150)
  })

  it('have a history that says what was fired', () => {
    expectHistory(fibre)
    expectHistory(stock)
  })

  it('have headers whose double SHA-256 is the hash that every tracepoint tells, each upon the block before', () => {
    for (const run of [fibre, stock]) {
      const hashes = new Set(run.history.map(({ block_hash }) => block_hash))
      const of = run.messages.map(({ hash }) => hash).filter((hash) => hash !== undefined)
      expect(of.length).toBeGreaterThan(1_000)
      expect(new Set(of).difference(hashes)).toEqual(new Set())
      expectChain(run)
    }
  })

  it('lack nothing but what is asked for: as many transactions, and as many bytes', () => {
    for (const { history, messages } of [fibre, stock]) {
      const lacking = history.filter(({ requested }) => requested)
      expect(lacking.length).toBeGreaterThan(5)
      for (const { block_hash, path, requested } of lacking) {
        const request = messages.find(({ message, hash }) => message === 'getblocktxn' && hash === block_hash)
        expect(Buffer.from(request?.payload ?? '', 'hex')[32]).toBe(Math.min(requested?.transactions ?? 0, 253))
        expect(requested?.answer.bytes).toBe(32 + ((requested?.transactions ?? 0) < 253 ? 1 : 3) + (requested?.transaction_bytes ?? 0))
        expect(requested?.round_trip_ns).toBe((requested?.answer.at_ns ?? 0) - (requested?.request.at_ns ?? 0))
        expect(['compact_block_round_trip', 'fibre_udp']).toContain(path)
      }
    }
  })

  it('are in time as their race says', () => {
    const races = fibre.events.filter(({ probe }) => probe === 'udp:block_race_time')
    const early = races.filter(({ cmpct_ns }) => Number(cmpct_ns) >= 0)
    expect(early.length).toBeGreaterThan(50)
    const of = (hash: unknown) => fibre.history.find(({ block_hash }) => block_hash === hash) as BlockHistory
    const isOnTime = ({ block_hash, cmpct_ns }: Recorded) => {
      const { compact_block: compactBlock, connected_ns: connected } = of(block_hash)
      return Math.abs((connected ?? 0) - (compactBlock?.at_ns ?? 0) - Number(cmpct_ns)) < SOON_NS
    }
    expect(early.filter(isOnTime).length).toBeGreaterThan(early.length / 2)
    const late = races.filter(({ block_hash, cmpct_ns }) => Number(cmpct_ns) < 0 && of(block_hash).compact_block)
    expect(late.length).toBeGreaterThan(10)
    for (const { block_hash, udp_ns } of late) {
      const { compact_block: compactBlock, connected_ns: connected, late_head_start_ns: headStart } = of(block_hash)
      expect(compactBlock?.at_ns).toBeGreaterThan(connected ?? 0)
      expect(headStart).toBe(Number(udp_ns) + (compactBlock?.at_ns ?? 0) - (connected ?? 0))
    }
    expect(fibre.history.filter(({ late_head_start_ns }) => late_head_start_ns !== null)).toHaveLength(late.length)
  })

  it('are logged as Bitcoin Core does under debug=cmpctblock and debug=bench', () => {
    const hash = '[0-9a-f]{64}'
    const count = (pattern: string) => stock.log.filter((line) => new RegExp(`Z ${pattern}$`).test(line)).length
    const came = (...wanted: readonly (string | null)[]) => stock.history.filter(({ path }) => wanted.includes(path)).length
    const reconstructed = `txn prefilled, \\d+ txn from mempool \\(incl at least 0 from extra pool\\) and`
    expect(count(`\\[cmpctblock\\] Successfully reconstructed block ${hash} with 1 ${reconstructed} 0 txn \\(0 bytes\\) requested`)).toBe(
      came('compact_block'),
    )
    expect(
      count(`\\[cmpctblock\\] Successfully reconstructed block ${hash} with 1 ${reconstructed} [1-9]\\d* txn \\(\\d+ bytes\\) requested`),
    ).toBe(came('compact_block_round_trip'))
    expect(count(`UpdateTip: new best=${hash} height=\\d+ version=0x20000000 .* progress=1.000000 cache=.*`)).toBe(150)
    expect(count(`\\[bench\\] - Connect block: .*`)).toBe(150)
    expect(count(`\\[bench\\]   - Connect total: .*`)).toBe(150)
    const headers = `header hash=${hash} height=\\d+ peer=\\d+( peeraddr=\\S+)?`
    expect(count(`Saw new (cmpctblock )?${headers}`)).toBe(came('compact_block', 'compact_block_round_trip', 'full_block', null))
    expect(count('.*UDP: .*')).toBe(0)
  })
})

it('blocks are relayed in the same way for the same seed', { timeout: 60_000 }, async () => {
  const told = ({ history }: Run) =>
    history
      .map(({ block_hash, path, announcements }) => [
        block_hash,
        path,
        announcements.map(({ peer, message }) => `${peer} ${message}`).sort(),
      ])
      .sort()
  const [once, again] = await Promise.all([run(['relay 20 1000']), run(['relay 20 1000'])])
  expect(told(again)).toEqual(told(once))
})

it('catches up: headers by the thousand, then whole blocks that no peer is told of', async () => {
  const caughtUp = await run(['catch-up 3000 0'])
  const { messages, history, events } = caughtUp
  const count = (type: string) => messages.filter(({ message }) => message === type).length
  expect({ headers: count('headers'), block: count('block'), all: messages.length }).toEqual({
    headers: 2,
    block: 3_000,
    all: 3_002 + count('getdata'),
  })
  expect(messages.filter(({ message }) => message === 'headers').map(({ size }) => size)).toEqual([3 + 81 * 2_000, 3 + 81 * 1_000])
  expect(count('getdata')).toBe(Math.ceil(2_000 / 16) + Math.ceil(1_000 / 16))
  expect(history).toHaveLength(3_000)
  expect(paths(caughtUp)).toEqual(new Set(['caught_up']))
  expect(events.filter(isConnected).map(({ height }) => height)).toEqual(Array.from({ length: 3_000 }, (_, i) => 900_000 + i))
  expectChain(caughtUp)
})

it('reorganises: a branch that is one longer replaces as many blocks as asked for', async () => {
  const reorganised = await run(['relay 5 1000', 'reorg 3', 'relay 2 1000'])
  const connected = reorganised.events.filter(isConnected)
  expect(connected.map(({ height }) => Number(height) - 900_000)).toEqual([0, 1, 2, 3, 4, 2, 3, 4, 5, 6, 7])
  const branch = reorganised.history.filter(({ block_hash }) => connected.slice(5, 9).some((event) => event.block_hash === block_hash))
  expect(branch.map(({ rival }) => rival)).toEqual([...connected.slice(2, 5).map(({ block_hash }) => block_hash), null])
  expect(branch.map(({ path }) => path)).toEqual(['full_block', 'full_block', 'full_block', 'full_block'])
  const previous = reorganised.messages
    .filter(({ message }) => message === 'block')
    .map((message) => previousHash(headerIn(message) as Buffer))
  for (const hash of [1, 5, 6, 7].map((index) => connected[index]?.block_hash)) expect(previous).toContain(hash)
  const tips = reorganised.log
    .flatMap((line) => /UpdateTip: .* height=(\d+)/.exec(line)?.[1] ?? [])
    .map((height) => Number(height) - 900_000)
  expect(tips).toEqual([0, 1, 2, 3, 4, 3, 2, 1, 2, 3, 4, 5, 6, 7])
  const steps = reorganised.log.flatMap((line) => / (Disconnect block|Index writing|UpdateTip): /.exec(line)?.[1] ?? [])
  const connects = (blocks: number) => Array<string[]>(blocks).fill(['Index writing', 'UpdateTip'])
  expect(steps).toEqual([...connects(5), ...Array<string[]>(3).fill(['Disconnect block', 'UpdateTip']), ...connects(6)].flat())
  await expect(run(['relay 2 1000', 'reorg 3'])).rejects.toThrow('deeper than the blocks so far: 3')
})

it.each([
  ['compete', 900_000],
  ['header', 900_001],
])('tells of a block that is never connected: %s', async (command, height) => {
  const { history, messages, events } = await run([command])
  const [rival, block] = [history.find(({ path }) => path === null), history.find(({ path }) => path !== null)] as BlockHistory[]
  const message = messages.find(({ hash }) => hash === rival?.block_hash) as Message
  const [connected] = events.filter(isConnected)
  expect(rival).toMatchObject({ height, connected_ns: null, whole_block: null })
  expect(rival?.rival).toBe(command === 'compete' ? block?.block_hash : null)
  expect(previousHash(headerIn(message) as Buffer) === connected?.block_hash).toBe(command === 'header')
})

it('relays by itself: catches up first, reorganises after ten blocks, and says at the end what it was loaded with', async () => {
  const directory = newDirectory()
  const history = join(directory, 'history.jsonl')
  const options = ['--interval', '0.001', '--blocks', '12', '--catch-up', '50', '--reorg', '2', '--messages', '500', '--history', history]
  const node = await startDemoNode({ args: ['--always', ...options] })
  const totals = JSON.parse(await node.nextLine())
  expect(await node.exited).toMatchObject({ code: 0, stderr: '' })
  expect(totals.totals['net:inbound_message'].ping.hits).toBeGreaterThan(5)
  const blocks = readHistory(history)
  expect(blocks.filter(({ path }) => path === 'caught_up')).toHaveLength(50)
  expect(blocks.filter(({ rival, connected_ns }) => rival && connected_ns)).toHaveLength(2)
  expect(blocks.filter(({ path }) => path !== null)).toHaveLength(50 + 12 + 3)
})
