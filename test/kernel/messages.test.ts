import { beforeEach, expect, it } from 'vitest'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { type BlockHistory, readHistory } from '../demo-node/history.ts'
import { blockOf, isMessage, type RecordedMessage } from '../demo-node/message.ts'
import { readRecording } from '../demo-node/recording.ts'
import { hasBpftrace, startBpftrace } from '../harness/bpftrace.ts'
import { requireBpf } from '../harness/listening.ts'
import { need } from '../harness/needs.ts'
import { stage } from '../harness/stage.ts'

beforeEach(requireBpf)
beforeEach((context) => need(context, hasBpftrace(), 'it takes bpftrace, as a witness'))

/** Room for the payload's first bytes. */
const TEXT_LENGTH = 96
const PAYLOAD = 81
/** From the node's own stamp to that of the hit; a busy machine may take the processor away between the two. */
const SOON_NS = 20e6

/** One text in each printf: more does not fit on the stack of a BPF program. */
const show = `
  printf("%s %llu %d %d ", probe, nsecs, arg0, arg4);
  printf("%s ", str(arg1));
  printf("%s ", str(arg2));
  printf("%s ", str(arg3));
  printf("%rx\\n", buf(arg5, arg4 < ${PAYLOAD} ? arg4 : ${PAYLOAD}));`

/** Messages that bpftrace printed. */
const messagesIn = (text: string): readonly RecordedMessage[] =>
  [...text.matchAll(/^usdt:\S+:(net:\w+) (\d+) (\d+) (\d+) (\S+) (\S+) (\S+) (\S*)$/gm)].map(
    ([, probe, ns, peer, size, address = '', connection_type = '', message = '', payload = '']) => ({
      probe: probe as RecordedMessage['probe'],
      ts_ns: Number(ns),
      peer_id: Number(peer),
      address,
      connection_type,
      message,
      size: Number(size),
      payload: payload.replaceAll('\\x', ''),
    }),
  )

it('a tracer sees the messages that the demo node says it fired, and of each block what its history says', async () => {
  const { path } = stage()
  const [recording, history] = [path('events.jsonl'), path('history.jsonl')]
  await using node = await startDemoNode({ args: ['--control', '--record', recording, '--history', history] })
  const bpftrace = await startBpftrace(node, { 'net:inbound_message': show, 'net:outbound_message': show }, TEXT_LENGTH)
  await node.command('relay 60 1000')
  const seen = messagesIn(await bpftrace.end())
  const fired = readRecording(recording) as unknown as readonly RecordedMessage[]
  expect(seen.map(({ ts_ns, ...rest }) => rest)).toEqual(
    fired.filter(isMessage).map(({ probe, peer_id, address, connection_type, message, size, payload }) => {
      return { probe, peer_id, address, connection_type, message, size, payload: payload.slice(0, 2 * PAYLOAD) }
    }),
  )
  for (const [index, { ts_ns }] of seen.entries()) {
    expect(ts_ns).toBeGreaterThanOrEqual(fired[index]?.ts_ns ?? 0)
    expect(ts_ns).toBeLessThan((fired[index]?.ts_ns ?? 0) + SOON_NS)
  }

  const blocks = readHistory(history)
  expect(blocks.filter(({ path }) => path !== null)).toHaveLength(60)
  for (const block of blocks) expectSeen(block, seen)
})

/** Expects the announcements of a block, in their order and within its stamps. */
function expectSeen({ block_hash, announcements }: BlockHistory, seen: readonly RecordedMessage[]): void {
  const own = seen.filter((message) => message.probe === 'net:inbound_message' && blockOf(message) === block_hash)
  const first = Map.groupBy(
    own.filter(({ message }) => message !== 'blocktxn'),
    ({ peer_id }) => peer_id,
  )
  expect(announcements.map(({ peer, message, bytes }) => [peer, message, bytes])).toEqual(
    [...first.values()].map(([message]) => [message?.peer_id, message?.message, message?.size]),
  )
  for (const { peer, at_ns } of announcements) {
    const stamp = first.get(peer)?.[0]?.ts_ns ?? Number.NaN
    expect(stamp).toBeGreaterThanOrEqual(at_ns)
    expect(stamp).toBeLessThan(at_ns + SOON_NS)
  }
}

it('load of 200,000 hits a second is counted by a tracer as the demo node says', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  const count = (key: string, sum: string) => `@hits[probe, ${key}] = count(); @sums[probe, ${key}] = sum(${sum});`
  const bpftrace = await startBpftrace(node, {
    'net:inbound_message': count('str(arg3)', 'arg4'),
    'mempool:removed': count('str(arg1)', '(int64)(int32)arg2'),
    'utxocache:spent': count('""', '(int64)arg3'),
  })
  const { totals } = await node.command('load 1 messages=80000 mempool=40000 utxo=80000')
  const seen = [...(await bpftrace.end()).matchAll(/^@(hits|sums)\[usdt:\S+:(\w+:\w+), ([^\]]*)\]: (\d+)$/gm)]
  const told = (kind: string, of: (total: Readonly<Record<string, number>>) => number | undefined) =>
    Object.entries(totals).flatMap(([probe, byLabel]) =>
      Object.entries(byLabel)
        .filter(() => ['net:inbound_message', 'mempool:removed', 'utxocache:spent'].includes(probe))
        .map(([label, total]) => `${kind} ${probe} ${label} ${of(total)}`),
    )
  const expected = [...told('hits', ({ hits }) => hits), ...told('sums', ({ size, vsize, value }) => size ?? vsize ?? value)]
  expect(expected.length).toBeGreaterThan(30)
  expect(seen.map(([, kind, probe, label, value]) => `${kind} ${probe} ${label} ${value}`).toSorted()).toEqual(expected.toSorted())
})
