import { beforeEach, describe, expect, it } from 'vitest'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import type { Total } from '../../agent/sources/totals.ts'
import { blockConnected } from '../../agent/tracepoints/block-connected.ts'
import {
  bytes,
  defineTracepoint,
  hexHash,
  integer,
  type Known,
  knownNumbers,
  knownTexts,
  shortText,
  text,
} from '../../agent/tracepoints/define.ts'
import { tracepoints } from '../../agent/tracepoints/index.ts'
import { countedMessages, messageArguments } from '../../agent/tracepoints/net/messages.ts'
import { fire, startDemoNode, type Totals } from '../demo-node/demo-node.ts'
import { formName, Listener, requireBpf, total } from '../harness/listening.ts'
import { until } from '../harness/until.ts'

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
const expectedSums = ({ totals }: Totals): Sums => {
  const expected: Record<string, number[]> = {}
  for (const [probe, byLabel] of Object.entries(totals))
    for (const [label, fired] of Object.entries(byLabel)) {
      const { counted } = tracepoints.find((tracepoint) => tracepoint.probe === probe) ?? {}
      const name = [probe, ...Object.values(counted?.by ?? {}).map((known) => labelOf(known, label))].join(' ')
      const row = Object.values(fired).slice(0, 1 + (counted?.sums?.length ?? 0))
      expected[name] = row.map((value, i) => value + (expected[name]?.[i] ?? 0))
    }
  return expected
}

/** The demo node's label begins with the hit's text and ends with its number. */
const labelOf = ({ values, compared }: Known, label: string) =>
  (compared === 0 ? values[Number(label.at(-1))] : values.find((known) => `${label} `.startsWith(`${known} `))) ?? 'other'

/** A message that tells of no block, and is hit often. */
const told = defineTracepoint({
  probe: 'net:inbound_message',
  ...described,
  args: messageArguments,
  counted: countedMessages,
  recorded: { where: 'message', is: ['sendcmpct'] },
})
const withTold = tracepoints.map((tracepoint) => (tracepoint.probe === told.probe ? told : tracepoint))

describe.for(forms.map((form) => [formName(form), form] as const))('in the form %s', ([, form]) => {
  it('200,000 hits a second, of three threads at once, are all counted and summed by label, and those to be recorded are told', async () => {
    await using node = await startDemoNode({ args: ['--control'] })
    await using listener = new Listener({ forms: [form], tracepoints: withTold })
    listener.attach(node)
    const load = await node.command('load 1 messages=40000 mempool=40000 utxo=120000')
    const expected = expectedSums(load)
    const hits = Object.values(expected).reduce((sum, [hits = 0]) => sum + hits, 0)
    expect([hits, Object.keys(expected).length > 50]).toEqual([200_000, true])
    expect(sumsOf(await countedHits(listener, hits))).toEqual(expected)
    const flushes = listener.source.totals().filter(({ probe }) => probe === 'utxocache:flush')
    for (const { count, buckets } of flushes) expect(buckets.reduce((sum, bucket) => sum + bucket, 0)).toBe(count)
    await until(() => listener.heard.length === load.totals['net:inbound_message'].sendcmpct?.hits, 'those to be recorded')
    expect(new Set(listener.heard.map(({ event }) => event.message))).toEqual(new Set(['sendcmpct']))
    expect([listener.lost, listener.errors]).toEqual([0, []])
  })

  it('hits that two threads fire flat out are all counted: hits = counted', async () => {
    await using node = await startDemoNode({ args: ['--control', '--threads', '2'] })
    const counted = tracepoints.map(({ probe, group, description }) =>
      defineTracepoint({ probe, group, description, args: {}, counted: {} }),
    )
    await using listener = new Listener({ forms: [form], tracepoints: counted })
    listener.attach(node)
    const { events } = await node.command('flood 1')
    const totals = await countedHits(listener, total(events))
    expect([Object.fromEntries(totals.map(({ probe, count }) => [probe, count])), listener.lost]).toEqual([events, 0])
  })
})

it('hits are counted beside events that are recorded', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener({ tracepoints: [messages, blockConnected] })
  listener.attach(node)
  await fire(node, 'net:inbound_message', { message: 'inv', size: 40 })
  await fire(node, 'validation:block_connected', { connection_time_ns: 7000 })
  await fire(node, 'net:inbound_message', { message: 'inv', size: 2 })
  expect(sumsOf(await countedHits(listener, 2))).toEqual({ 'net:inbound_message inv': [2, 42] })
  await until(() => listener.heard.length === 1, 'the block')
  expect(listener.heard[0]?.event).toMatchObject({ probe: 'validation:block_connected', durationNs: 7000 })
})

it('of a tracepoint that is counted only the hits with given texts are told, with the beginning of their payload', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener({ tracepoints: [messages] })
  listener.attach(node)
  const sizes = [0, 1, 20, 96, 5000]
  const from = { peer_id: 7, address: `${'pg6mmjiyjmcrsslv'.repeat(3)}54pscryd.onion:8333`, connection_type: 'inbound' }
  await fire(node, 'net:inbound_message', ...sizes.map((size) => ({ ...from, message: 'inv', size })))
  const sent = await fire(node, 'net:inbound_message', ...sizes.map((size) => ({ ...from, message: 'tx', size })))
  await until(() => listener.heard.length === sizes.length, 'the events')
  expect(sent.map(({ payload }) => String(payload).length / 2)).toEqual([0, 1, 20, 96, 96])
  const expected = sent.map(({ peer_id: peer, connection_type: connectionType, ...same }) => ({ peer, connectionType, ...same }))
  expect(listener.heard.map(({ event }) => event)).toEqual(expected.map((event) => expect.objectContaining(event)))
  expect(listener.heard.flatMap(({ failed }) => failed)).toEqual([])
  expect(sumsOf(listener.source.totals())).toEqual({
    'net:inbound_message tx': [5, 5117],
    'net:inbound_message inv': [5, 5117],
  })
})

it('a text is told from others by its beginning, and one that is not known counts as other', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
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
  await fire(node, 'net:inbound_message', ...['inv', 'in', 'invs'].map((message) => ({ message, size: 1 })))
  await fire(node, 'mempool:rejected', ...reasons.map((reason) => ({ reason })))
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
  await using node = await startDemoNode({ args: ['--control'] })
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
  const flush = (duration_us: number, mode: number, coins: number, bytes: number) => ({ duration_us, mode, coins, bytes })
  await fire(node, 'utxocache:flush', flush(-5, 2, 1, 7), flush(0, 2, 1, 8), flush(9, 3, 2, 1), flush(3, -1, -1, -1))
  await fire(node, 'utxocache:flush', ...[10, 11, 1000, 1001].map((us) => flush(us, 0, 0, 1)))
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
  await using node = await startDemoNode({ args: ['--control'] })
  const rejected = defineTracepoint({
    probe: 'mempool:rejected',
    ...described,
    args: { txid: hexHash('Id.'), reason: text('Reason.'), size: integer('Size.'), kind: integer('Kind.') },
    counted: { by: { kind: knownNumbers('zero', 'one') }, sums: ['size'], histogram: { of: 'size', bounds: [10] } },
  })
  await using listener = new Listener({ tracepoints: [rejected] })
  listener.attach(node)
  await fire(node, 'mempool:rejected', { reason: 'why' })
  expect(await countedHits(listener, 1)).toEqual([
    { node: 'demo', probe: 'mempool:rejected', labels: { kind: 'other' }, count: 1, sums: { size: 0 }, buckets: [0, 0] },
  ])
})

it('totals of a node never fall, through all its processes, whose room is used again', async () => {
  await using listener = new Listener({ tracepoints: [messages] })
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
    await using node = await startDemoNode({ args: ['--control'] })
    const attachment = listener.attach(node)
    await fire(node, 'net:inbound_message', { message: 'inv', size: 100 }, { message: 'tx', size: life })
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
  await using first = await startDemoNode({ args: ['--control'] })
  await using second = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener({ tracepoints: [messages] })
  const attachment = listener.attach(first, 'A')
  listener.attach(second, 'B')
  await fire(first, 'net:inbound_message', { message: 'inv', size: 1 })
  await fire(second, 'net:inbound_message', { message: 'inv', size: 2 }, { message: 'inv', size: 3 })
  const totals = await countedHits(listener, 3)
  expect([sumsOf(totals, 'A'), sumsOf(totals, 'B')]).toEqual([{ 'net:inbound_message inv': [1, 1] }, { 'net:inbound_message inv': [2, 5] }])
  await attachment.close()
  await fire(second, 'net:inbound_message', { message: 'tx', size: 4 })
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
  const nodes = await Promise.all([1, 2, 3].map(() => startDemoNode({ args: ['--control'] })))
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
