import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { blockConnected } from '../../agent/tracepoints/block-connected.ts'
import { type Counted, defineTracepoint, hexHash, integer, text } from '../../agent/tracepoints/define.ts'
import { tracepoints } from '../../agent/tracepoints/index.ts'
import { type DemoNode, startDemoNode } from '../demo-node/demo-node.ts'
import { readRecording } from '../demo-node/recording.ts'
import { Listener, requireBpf, total } from '../harness/listening.ts'
import { until } from '../harness/until.ts'

const directory = mkdtempSync(join(tmpdir(), 'counted-'))
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(requireBpf)

let files = 0
const newPath = () => join(directory, String(files++))

const reconstructions = (counted: Counted<'peer', 'chunksUsed'>) =>
  defineTracepoint({
    probe: 'udp:block_reconstructed',
    group: 'fibre',
    description: 'A block was reconstructed from FIBRE chunks.',
    args: { blockHash: hexHash('Hash.'), peer: text('Peer.'), chunksUsed: integer('Chunks.') },
    counted,
  })
const chunksByPeer = reconstructions({ by: 'peer', sums: ['chunksUsed'] })

/** Counts and sums by node and label. */
type Sums = Readonly<Record<string, readonly [count: number, sum: number]>>

const totalsOf = ({ source }: Listener): Sums =>
  Object.fromEntries(source.totals().map(({ node, label, count, sums: { chunksUsed = 0 } }) => [`${node} ${label}`, [count, chunksUsed]]))

const hitsIn = (sums: Sums) => Object.values(sums).reduce((hits, [count]) => hits + count, 0)

const expectTotals = async (listener: Listener, expected: Sums) => {
  await until(() => hitsIn(totalsOf(listener)) >= hitsIn(expected), 'all hits')
  expect(totalsOf(listener)).toEqual(expected)
}

interface Hit {
  readonly peer: string
  readonly chunks: number
}

/** Makes a node fire these hits. */
async function hit(node: DemoNode, hits: readonly Hit[]): Promise<void> {
  const recording = newPath()
  const lines = hits.map(({ peer, chunks }) =>
    JSON.stringify({ ts_ns: 1, probe: 'udp:block_reconstructed', block_hash: '0'.repeat(64), src: peer, chunks_used: chunks }),
  )
  writeFileSync(recording, `${lines.join('\n')}\n`)
  const { events } = await node.command(`replay ${recording} 0`)
  expect(events['udp:block_reconstructed']).toBe(hits.length)
}

function sumsOf(hits: readonly Hit[], node = 'demo'): Sums {
  const sums: Record<string, [number, number]> = {}
  for (const { peer, chunks } of hits) {
    const [count, sum] = sums[`${node} ${peer}`] ?? [0, 0]
    sums[`${node} ${peer}`] = [count + 1, sum + chunks]
  }
  return sums
}

it('hits of two threads at once are all counted and summed, by label, beside events that are recorded', async () => {
  const recording = newPath()
  await using node = await startDemoNode({ args: ['--control', '--threads', '2', '--record', recording] })
  await using listener = new Listener({ tracepoints: [chunksByPeer, blockConnected] })
  listener.attach(node)
  const { events } = await node.command('events 50000 0')
  const fired = readRecording(recording).filter(({ probe }) => probe === 'udp:block_reconstructed')
  const expected = sumsOf(fired.map(({ src, chunks_used }) => ({ peer: String(src), chunks: Number(chunks_used) })))
  expect(Object.keys(expected)).toHaveLength(5)
  await expectTotals(listener, expected)
  await until(() => listener.heard.length + listener.lost >= events['validation:block_connected'], 'the recorded ones')
  expect(new Set(listener.heard.map(({ event }) => event.probe))).toEqual(new Set(['validation:block_connected']))
})

it('hits that two threads fire flat out are all counted: hits = counted', async () => {
  await using node = await startDemoNode({ args: ['--control', '--threads', '2'] })
  const counted = tracepoints.map(({ probe, group, description }) => defineTracepoint({ probe, group, description, args: {}, counted: {} }))
  await using listener = new Listener({ tracepoints: counted })
  listener.attach(node)
  const { events } = await node.command('flood 1')
  const countByProbe = () => Object.fromEntries(listener.source.totals().map(({ probe, count }) => [probe, count]))
  await until(() => total(countByProbe()) + listener.lost >= total(events), 'all hits')
  expect([countByProbe(), listener.lost]).toEqual([events, 0])
})

it('totals of a node never fall, through all its processes, whose entries make room again', async () => {
  await using listener = new Listener({ tracepoints: [chunksByPeer] })
  const all: Hit[] = []
  let highest: Sums = {}
  const expectNoFall = () => {
    const now = totalsOf(listener)
    for (const [key, [count, sum]] of Object.entries(highest)) {
      expect(now[key]?.[0]).toBeGreaterThanOrEqual(count)
      expect(now[key]?.[1]).toBeGreaterThanOrEqual(sum)
    }
    highest = now
  }
  for (let life = 0; life < 4; life++) {
    await using node = await startDemoNode({ args: ['--control'] })
    const attachment = listener.attach(node)
    const own = Array.from({ length: 2000 }, (_, i) => ({ peer: `life ${life} peer ${i}`, chunks: i }))
    const hits = [...own, { peer: 'everyone', chunks: 7 }]
    all.push(...hits)
    await hit(node, hits)
    expectNoFall()
    node.kill('SIGKILL')
    await node.exited
    expectNoFall()
    await attachment.close()
    expectNoFall()
    expect(totalsOf(listener)).toEqual(sumsOf(all))
  }
  expect(highest['demo everyone']).toEqual([4, 28])
  expect(listener.lost).toBe(0) // 8,001 labels through a map of 4,096
})

it('two processes at once are counted apart, and the end of one leaves the other alone', async () => {
  await using first = await startDemoNode({ args: ['--control'] })
  await using second = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener({ tracepoints: [chunksByPeer] })
  const attachment = listener.attach(first, 'A')
  listener.attach(second, 'B')
  const [a, b] = [
    [{ peer: 'same', chunks: 1 }],
    [
      { peer: 'same', chunks: 2 },
      { peer: 'same', chunks: 3 },
    ],
  ]
  await Promise.all([hit(first, a), hit(second, b)])
  await expectTotals(listener, { ...sumsOf(a, 'A'), ...sumsOf(b, 'B') })
  await attachment.close()
  await hit(second, b)
  await expectTotals(listener, { ...sumsOf(a, 'A'), ...sumsOf([...b, ...b], 'B') })
  listener.source.forget('A')
  expect(totalsOf(listener)).toEqual(sumsOf([...b, ...b], 'B'))
})

it('a label is cut to 31 bytes, and one that cannot be read is empty', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener({ tracepoints: [chunksByPeer] })
  listener.attach(node)
  await hit(node, [
    { peer: `${'x'.repeat(31)} and more`, chunks: 1 },
    { peer: `${'x'.repeat(31)} and other`, chunks: 2 },
    { peer: 'x'.repeat(30), chunks: 4 },
  ])
  const { sent } = await node.command('odd null-text')
  const chunks = Number(sent.find(({ probe }) => probe === 'udp:block_reconstructed')?.chunks_used)
  await expectTotals(listener, { [`demo ${'x'.repeat(31)}`]: [2, 3], [`demo ${'x'.repeat(30)}`]: [1, 4], 'demo ': [1, chunks] })
})

it('without a label or a sum there is the count alone', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener({ tracepoints: [reconstructions({})] })
  listener.attach(node)
  await hit(node, [
    { peer: 'a', chunks: 1 },
    { peer: 'b', chunks: 2 },
  ])
  await expectTotals(listener, { 'demo ': [2, 0] })
})

it('more labels than there is room for are counted as lost: hits = counted + lost', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using listener = new Listener({ tracepoints: [chunksByPeer] })
  listener.attach(node)
  const hits = Array.from({ length: 17_000 }, (_, i) => ({ peer: `peer ${i}`, chunks: 1 }))
  await hit(node, hits)
  await until(() => hitsIn(totalsOf(listener)) + listener.lost >= hits.length, 'all hits')
  const counted = totalsOf(listener)
  expect(Object.keys(counted)).toHaveLength(16_384)
  expect(hitsIn(counted) + listener.lost).toBe(17_000)
  expect(listener.losses()).toEqual([{ node: 'demo', eventType: 'block_reconstructed', lost: 616 }])

  await hit(node, [{ peer: 'peer 0', chunks: 1 }]) // a label that has its place
  await until(() => hitsIn(totalsOf(listener)) === 16_385, 'one more')
  expect(totalsOf(listener)['demo peer 0']).toEqual([2, 2])
})
