import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../harness/temporary.ts'
import { startDemoNode, type Totals } from './demo-node.ts'
import { readRecording } from './recording.ts'

/** Arguments that make a hit's label, and those that are summed. */
const fields: Readonly<Record<string, readonly [labels: readonly string[], sums: readonly string[]]>> = {
  'net:inbound_message': [['message'], ['size']],
  'net:outbound_message': [['message'], ['size']],
  'net:inbound_connection': [['connection_type', 'network'], []],
  'net:outbound_connection': [['connection_type', 'network'], []],
  'net:evicted_inbound_connection': [['connection_type', 'network'], []],
  'net:closed_connection': [['connection_type', 'network'], []],
  'net:misbehaving_connection': [['reason'], []],
  'mempool:added': [[], ['vsize', 'fee']],
  'mempool:removed': [['reason'], ['vsize', 'fee']],
  'mempool:replaced': [[], ['vsize', 'fee', 'replacement_vsize', 'replacement_fee']],
  'mempool:rejected': [['reason'], []],
  'utxocache:flush': [['mode'], ['duration_us', 'coins', 'bytes']],
  'utxocache:add': [[], ['value']],
  'utxocache:spent': [[], ['value']],
  'utxocache:uncache': [[], ['value']],
}

type Sums = Record<string, number>

/** Totals by tracepoint and label, as recorded events add up. */
function totalsOf(path: string): unknown {
  const totals: Record<string, Record<string, Sums>> = Object.fromEntries(Object.keys(fields).map((probe) => [probe, {}]))
  for (const event of readRecording(path)) {
    const [labels, sums] = fields[event.probe] as (typeof fields)[string]
    const label = labels.map((name) => event[name]).join(' ')
    const byLabel = totals[event.probe] as Record<string, Sums>
    const before = byLabel[label] ?? {}
    const values = [['hits', 1] as const, ...sums.map((name) => [name, Math.max(0, Number(event[name]))] as const)]
    byLabel[label] = Object.fromEntries(values.map(([name, value]) => [name, (before[name] ?? 0) + value]))
  }
  return totals
}

const hitsIn = ({ totals }: Totals, provider: string) =>
  Object.entries(totals)
    .filter(([probe]) => probe.startsWith(provider))
    .flatMap(([, byLabel]) => Object.values(byLabel))
    .reduce((sum, { hits = 0 }) => sum + hits, 0)

it('load is added up exactly, by type, reason and mode, from three threads at once', async () => {
  const path = join(temporaryDirectory(), 'events.jsonl')
  await using node = await startDemoNode({ args: ['--control', '--always', '--record', path] })
  const { totals } = await node.command('load 0.4 messages=20000 mempool=20000 utxo=20000')
  expect(totals).toEqual(totalsOf(path))
  expect((await node.command('totals')).totals).toEqual(totals)
  expect(Object.keys(totals['mempool:removed']).sort()).toEqual(['block', 'conflict', 'expiry', 'reorg', 'replaced', 'sizelimit'])
  for (const reason of Object.keys(totals['mempool:rejected'])) expect(reason.length).toBeLessThanOrEqual(118)
  expect(Object.keys(totals['net:closed_connection']).length).toBeGreaterThan(4)
})

it('load has as many hits, and takes as long, as was asked for', async () => {
  await using node = await startDemoNode({ args: ['--control', '--always'] })
  const start = performance.now()
  const load = await node.command('load 0.5 messages=10000 mempool=4000 utxo=20000')
  expect(performance.now() - start).toBeGreaterThan(490)
  for (const [provider, hits] of [
    ['net', 5_000],
    ['mempool', 2_000],
    ['utxocache', 10_000],
  ] as const) {
    expect(hitsIn(load, provider)).toBe(hits)
  }
  await expect(node.command('load 1 disk=5')).rejects.toThrow('no such load: disk=5')
  await expect(node.command('load 1 utxo=fast')).rejects.toThrow('not a number that will do: utxo=fast')
})

it('load that no tracer asks for is neither fired nor counted', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  const load = await node.command('load 0.05 messages=10000 mempool=10000 utxo=10000')
  expect(['net', 'mempool', 'utxocache'].map((provider) => hitsIn(load, provider))).toEqual([0, 0, 0])
})
