import { beforeEach, describe, expect, it } from 'vitest'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import type { Total } from '../../agent/sources/totals.ts'
import { blockConnected } from '../../agent/tracepoints/block-connected.ts'
import { bytes, defineTracepoint, hexHash, integer, knownNumbers, knownTexts, shortText, text } from '../../agent/tracepoints/define.ts'
import { tracepoints } from '../../agent/tracepoints/index.ts'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { formName, Listener, requireBpf, total } from '../harness/listening.ts'
import { temporaryDirectory } from '../harness/temporary.ts'
import { until } from '../harness/until.ts'
import { compileStockNode, fire, load, startStockNode } from './stock-node.ts'

beforeEach(requireBpf)

const described = { group: 'net', description: '' } as const

/** Messages by type, of which some are told. */
const messages = defineTracepoint({
  probe: 'net:inbound_message',
  ...described,
  args: {
    peer: integer('Peer.'),
    address: text('Address.'),
    connectionType: shortText('Connection.'),
    message: shortText('Message.'),
    size: integer('Size.'),
    payload: bytes(96, 'Payload.'),
  },
  counted: { by: { message: knownTexts(['inv', 'tx', 'a message with a long name'], 15) }, sums: ['size'] },
  recorded: { where: 'message', is: ['tx', 'a message with a long name'] },
})

type Sums = Readonly<Record<string, readonly number[]>>

/** Hits and sums, by tracepoint and labels. */
const sumsOf = (totals: readonly Total[], node = 'demo'): Sums =>
  Object.fromEntries(
    totals
      .filter((one) => one.node === node)
      .map(({ probe, labels, count, sums }) => [[probe, ...Object.values(labels)].join(' '), [count, ...Object.values(sums)]]),
  )

const hitsIn = (totals: readonly Total[]) => totals.reduce((hits, { count }) => hits + count, 0)

/** Waits for so many hits. The totals are read anew some times a second. */
const countedHits = async ({ source }: Listener, hits: number) => {
  await until(() => hitsIn(source.totals()) >= hits, `${hits} hits`)
  return source.totals()
}

/** What is fired, as it is counted: of labels and sums only those that the definitions have. */
const expectedSums = (fired: Readonly<Record<string, readonly number[]>>): Sums => {
  const expected: Record<string, number[]> = {}
  for (const [key, [hits = 0, ...sums]] of Object.entries(fired)) {
    const [probe = '', label] = key.split(/ (.*)/, 2)
    const { counted } = tracepoints.find((tracepoint) => tracepoint.probe === probe) ?? {}
    const [known] = Object.values(counted?.by ?? {})
    const name = known === undefined ? probe : `${probe} ${known.values.includes(label ?? '') ? label : 'other'}`
    const row = [hits, ...sums.slice(0, counted?.sums?.length ?? 0)]
    expected[name] = row.map((value, i) => value + (expected[name]?.[i] ?? 0))
  }
  return expected
}

describe.for(forms.map((form) => [formName(form), form] as const))('in the form %s', ([, form]) => {
  it('hits of two threads at once are all counted and summed, by label, and those of a block are told', async () => {
    await using node = await startStockNode(temporaryDirectory())
    await using listener = new Listener({ forms: [form] })
    listener.attach(node)
    const { totals, hits } = await load(node, 200_000, 1)
    expect(hits).toBeGreaterThan(100_000)
    expect(Object.keys(totals).length).toBeGreaterThan(30)
    expect(sumsOf(await countedHits(listener, hits))).toEqual(expectedSums(totals))
    const flushes = listener.source.totals().filter(({ probe }) => probe === 'utxocache:flush')
    for (const { count, buckets } of flushes) expect(buckets.reduce((sum, bucket) => sum + bucket, 0)).toBe(count)
    const blocks = totals['net:inbound_message cmpctblock']?.[0]
    await until(() => listener.heard.length === blocks, 'the compact blocks')
    expect(new Set(listener.heard.map(({ event }) => event.message))).toEqual(new Set(['cmpctblock']))
    expect([listener.lost, listener.errors]).toEqual([0, []])
  })
})

it('hits that two threads fire flat out are all counted: hits = counted', async () => {
  await using node = await startDemoNode({ args: ['--control', '--threads', '2'] })
  const counted = tracepoints.map(({ probe, group, description }) => defineTracepoint({ probe, group, description, args: {}, counted: {} }))
  await using listener = new Listener({ tracepoints: counted })
  listener.attach(node)
  const { events } = await node.command('flood 1')
  const totals = await countedHits(listener, total(events))
  expect([Object.fromEntries(totals.map(({ probe, count }) => [probe, count])), listener.lost]).toEqual([events, 0])
})

it('hits are counted beside events that are recorded', async () => {
  await using node = await startStockNode(temporaryDirectory())
  await using listener = new Listener({ tracepoints: [messages, blockConnected] })
  listener.attach(node)
  await fire(node, 'net:inbound_message inv 40', 'validation:block_connected 7000', 'net:inbound_message inv 2')
  expect(sumsOf(await countedHits(listener, 2))).toEqual({ 'net:inbound_message inv': [2, 42] })
  await until(() => listener.heard.length === 1, 'the block')
  expect(listener.heard[0]?.event).toMatchObject({ probe: 'validation:block_connected', durationNs: 7000 })
})

it('of a tracepoint that is counted only the hits with given texts are told, with the beginning of their payload', async () => {
  await using node = await startStockNode(temporaryDirectory())
  await using listener = new Listener({ tracepoints: [messages] })
  listener.attach(node)
  const sizes = [0, 1, 20, 96, 5000]
  await fire(node, ...sizes.flatMap((size) => [`net:inbound_message tx ${size}`, `net:inbound_message inv ${size}`]))
  await until(() => listener.heard.length === sizes.length, 'the events')
  // Its node makes the payload such that it ends where the memory ends, with bytes 0, 7, 14, … from there on backwards.
  const payload = (size: number) => Buffer.from(Array.from({ length: Math.min(size, 4096) }, (_, i) => (Math.min(size, 4096) - 1 - i) * 7))
  const expected = sizes.map((size) => ({
    peer: 7,
    address: expect.stringMatching(/\.onion:8333$/),
    connectionType: 'inbound',
    message: 'tx',
    size,
    payload: payload(size).subarray(0, 96).toString('hex'),
  }))
  expect(listener.heard.map(({ event }) => event)).toEqual(expected.map((event) => expect.objectContaining(event)))
  expect(listener.heard.flatMap(({ failed }) => failed)).toEqual([])
  expect(sumsOf(listener.source.totals())).toEqual({
    'net:inbound_message tx': [5, 5117],
    'net:inbound_message inv': [5, 5117],
  })
})

it('a text is told from others by its beginning, and one that is not known counts as other', async () => {
  await using node = await startStockNode(temporaryDirectory())
  await using listener = new Listener({ tracepoints: [messages] })
  listener.attach(node)
  const rejected = defineTracepoint({
    probe: 'mempool:rejected',
    ...described,
    args: { txid: hexHash('Id.'), reason: text('Reason.') },
    counted: { by: { reason: knownTexts(['a message with a long name', 'short']) } },
  })
  await using other = new Listener({ tracepoints: [rejected] })
  other.attach(node)
  const reasons = ['a message with a long name', 'a message with a long name!', 'a message', 'short', 'shorter', '']
  await fire(node, 'net:inbound_message inv 1', 'net:inbound_message in 1', 'net:inbound_message invs 1')
  await fire(node, ...reasons.map((reason) => `mempool:rejected ${reason}`))
  expect(sumsOf(await countedHits(listener, 3))).toEqual({ 'net:inbound_message inv': [1, 1], 'net:inbound_message other': [2, 2] })
  expect(sumsOf(await countedHits(other, 6))).toEqual({
    'mempool:rejected a message with a long name': [1],
    'mempool:rejected short': [1],
    'mempool:rejected other': [4],
  })
})

it('a text that cannot be read counts as other', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  const reconstructions = defineTracepoint({
    probe: 'udp:block_reconstructed',
    ...described,
    args: { blockHash: hexHash('Hash.'), peer: text('Peer.'), chunksUsed: integer('Chunks.') },
    counted: { by: { peer: knownTexts(['192.0.2.99:8433']) }, sums: ['chunksUsed'] },
  })
  await using listener = new Listener({ tracepoints: [reconstructions] })
  listener.attach(node)
  const { sent } = await node.command('odd null-text')
  const chunks = Number(sent.find(({ probe }) => probe === 'udp:block_reconstructed')?.chunks_used)
  expect(sumsOf(await countedHits(listener, 1))).toEqual({ 'udp:block_reconstructed other': [1, chunks] })
  const { sent: cold } = await node.command('odd cold-text') // on a page that is read first by this
  const more = Number(cold.find(({ probe }) => probe === 'udp:block_reconstructed')?.chunks_used)
  expect(sumsOf(await countedHits(listener, 2))).toMatchObject({ 'udp:block_reconstructed 192.0.2.99:8433': [1, more] })
})

it('numbers are labels too, three arguments at once, and what is below 0 adds nothing to a sum', async () => {
  await using node = await startStockNode(temporaryDirectory())
  const flushes = defineTracepoint({
    probe: 'utxocache:flush',
    ...described,
    args: { durationUs: integer('Time.'), mode: integer('Mode.'), coins: integer('Coins.'), bytes: integer('Bytes.') },
    counted: {
      by: { coins: knownNumbers('none', 'one'), mode: knownNumbers('a', 'b', 'c'), durationUs: knownNumbers('zero') },
      sums: ['durationUs', 'bytes'],
      histogram: { of: 'durationUs', bounds: [10, 1000] },
    },
  })
  await using listener = new Listener({ tracepoints: [flushes] })
  listener.attach(node)
  await fire(
    node,
    ...['-5 2 1 7', '0 2 1 8', '10 0 0 1', '11 0 0 1', '1000 0 0 1', '1001 0 0 1', '9 3 2 1', '3 -1 -1 18446744073709551615'].map(
      (values) => `utxocache:flush ${values}`,
    ),
  )
  const totals = await countedHits(listener, 8)
  const rows = Object.fromEntries(
    totals.map(({ labels, count, sums, buckets }) => [Object.values(labels).join(' '), [count, ...Object.values(sums), buckets]]),
  )
  expect(rows).toEqual({
    'one c other': [1, 0, 7, [1, 0, 0]],
    'one c zero': [1, 0, 8, [1, 0, 0]],
    'none a other': [4, 2022, 4, [1, 2, 1]],
    'other other other': [2, 12, expect.any(Number), [2, 0, 0]],
  })
})

it('a number that a build does not pass is added to no sum and no bucket, and as a label it is other', async () => {
  await using node = await startStockNode(temporaryDirectory())
  const rejected = defineTracepoint({
    probe: 'mempool:rejected',
    ...described,
    args: { txid: hexHash('Id.'), reason: text('Reason.'), size: integer('Size.'), kind: integer('Kind.') },
    counted: { by: { kind: knownNumbers('zero', 'one') }, sums: ['size'], histogram: { of: 'size', bounds: [10] } },
  })
  await using listener = new Listener({ tracepoints: [rejected] })
  listener.attach(node)
  await fire(node, 'mempool:rejected why')
  expect(await countedHits(listener, 1)).toEqual([
    { node: 'demo', probe: 'mempool:rejected', labels: { kind: 'other' }, count: 1, sums: { size: 0 }, buckets: [0, 0] },
  ])
})

it('totals of a node never fall, through all its processes, whose room is used again', async () => {
  await using listener = new Listener({ tracepoints: [messages] })
  const binary = compileStockNode(temporaryDirectory(), 31)
  let highest: Sums = {}
  const expectNoFall = () => {
    const now = sumsOf(listener.source.totals())
    for (const [key, values] of Object.entries(highest))
      values.forEach((value, i) => {
        expect(now[key]?.[i]).toBeGreaterThanOrEqual(value)
      })
    highest = now
  }
  for (let life = 1; life <= 4; life++) {
    await using node = await startDemoNode({ binary, args: ['--control'] })
    const attachment = listener.attach(node)
    await fire(node, 'net:inbound_message inv 100', `net:inbound_message tx ${life}`)
    expectNoFall()
    node.kill('SIGKILL')
    await node.exited
    expectNoFall()
    await attachment.close()
    expectNoFall()
    await until(() => hitsIn(listener.source.totals()) === 2 * life, 'the hits')
  }
  expectNoFall()
  expect(highest).toEqual({ 'net:inbound_message inv': [4, 400], 'net:inbound_message tx': [4, 10] })
  expect(listener.source.kernelUsage().maps.find(({ map }) => map === 'totals')?.entries).toBe(0)
})

it('two processes at once are counted apart, and the end of one leaves the other alone', async () => {
  await using first = await startStockNode(temporaryDirectory())
  await using second = await startStockNode(temporaryDirectory())
  await using listener = new Listener({ tracepoints: [messages] })
  const attachment = listener.attach(first, 'A')
  listener.attach(second, 'B')
  await fire(first, 'net:inbound_message inv 1')
  await fire(second, 'net:inbound_message inv 2', 'net:inbound_message inv 3')
  const totals = await countedHits(listener, 3)
  expect([sumsOf(totals, 'A'), sumsOf(totals, 'B')]).toEqual([{ 'net:inbound_message inv': [1, 1] }, { 'net:inbound_message inv': [2, 5] }])
  await attachment.close()
  await fire(second, 'net:inbound_message tx 4')
  const later = await countedHits(listener, 4)
  expect(sumsOf(later, 'A')).toEqual({ 'net:inbound_message inv': [1, 1] })
  expect(sumsOf(later, 'B')).toEqual({ 'net:inbound_message inv': [2, 5], 'net:inbound_message tx': [1, 4] })
  listener.source.forget('A')
  expect([hitsIn(listener.source.totals()), sumsOf(listener.source.totals(), 'A')]).toEqual([3, {}])
})

it('a process for whose totals there is no room goes without its counted tracepoints, and has them once there is', async () => {
  const names = Array.from({ length: 250 }, (_, i) => `number ${i}`)
  const wide = defineTracepoint({
    probe: 'utxocache:flush',
    ...described,
    args: { durationUs: integer('Time.'), mode: integer('Mode.') },
    counted: { by: { durationUs: knownNumbers(...names), mode: knownNumbers(...names) } },
  })
  await using listener = new Listener({ tracepoints: [wide, blockConnected] })
  const nodes = await Promise.all([
    startStockNode(temporaryDirectory()),
    startStockNode(temporaryDirectory()),
    startStockNode(temporaryDirectory()),
  ])
  const [first, second, third] = nodes.map((node, i) => listener.attach(node, `node ${i}`))
  const stateOf = (attachment: typeof first) => attachment?.probes.map(({ probe, attached, reason }) => [probe, attached, reason])
  const connected = ['validation:block_connected', true, undefined]
  for (const attachment of [first, second]) expect(stateOf(attachment)).toEqual([['utxocache:flush', true, undefined], connected])
  expect(stateOf(third)).toEqual([['utxocache:flush', false, expect.stringContaining('no room for the totals')], connected])
  await first?.close()
  third?.retry?.()
  expect(stateOf(third)).toEqual([['utxocache:flush', true, undefined], connected])
  for (const node of nodes) await node[Symbol.asyncDispose]()
})
