import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Form } from '../../agent/sources/ebpf/program/program.ts'
import { addTotal, type Total, totalOfHit } from '../../agent/sources/totals.ts'
import { defineTracepoint, hexHash, integer, knownNumbers, knownTexts, text } from '../../agent/tracepoints/define.ts'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { fieldsIn, fieldsOf, readRecording } from '../demo-node/recording.ts'
import { Listener, total } from '../harness/listening.ts'
import { until } from '../harness/until.ts'

/** Events of a round: as many as the ring holds while nobody reads. */
const ROUND = 6000

export interface Options {
  readonly threads: number
  readonly events: number
  readonly forms: readonly Form[]
  readonly patienceMs: number
}

/** Events that several threads fired at once, and those that arrived. */
export interface Comparison {
  readonly fired: number
  readonly heard: number
  readonly lost: number
  /** Events that came with a field, or under a tracepoint, that was not fired so. */
  readonly mixed: number
  readonly example?: string
  /** Tracepoints of which not as many events came as the node counted. */
  readonly miscounted: readonly string[]
  readonly form: Form
}

/** Fires from several threads, and compares each field of each event with what the node recorded. */
export async function compareThreads({ threads, events, forms, patienceMs }: Options): Promise<Comparison> {
  const rounds = Array.from({ length: Math.ceil(events / ROUND) }, (_, round) => Math.min(ROUND, events - round * ROUND))
  const comparisons: Comparison[] = []
  for (const count of rounds) comparisons.push(await compareRound({ threads, events: count, forms, patienceMs }))
  const sum = (key: 'fired' | 'heard' | 'lost' | 'mixed') => comparisons.reduce((total, comparison) => total + comparison[key], 0)
  const example = comparisons.find((comparison) => comparison.example !== undefined)?.example
  return {
    fired: sum('fired'),
    heard: sum('heard'),
    lost: sum('lost'),
    mixed: sum('mixed'),
    ...(example !== undefined && { example }),
    miscounted: [...new Set(comparisons.flatMap(({ miscounted }) => miscounted))],
    form: (comparisons[0] as Comparison).form,
  }
}

async function compareRound({ threads, events, forms, patienceMs }: Options): Promise<Comparison> {
  const directory = mkdtempSync(join(tmpdir(), 'threads-'))
  const recording = join(directory, 'recording')
  try {
    await using node = await startDemoNode({ args: ['--control', '--threads', String(threads), '--record', recording] })
    await using listener = new Listener({ forms, ringSize: 16 << 20 })
    listener.attach(node)
    const fired = (await node.command(`events ${events} 0`)).events
    await until(() => listener.heard.length + listener.lost >= total(fired), 'the events', patienceMs)

    const heard = listener.heard.map(({ event }) => ({
      probe: event.probe,
      text: JSON.stringify({ probe: event.probe, ...fieldsIn(event) }),
    }))
    const strange = withoutThoseOf(
      heard,
      readRecording(recording).map((event) => JSON.stringify({ probe: event.probe, ...fieldsOf(event) })),
    )
    const counts = Map.groupBy(heard, ({ probe }) => probe)
    return {
      fired: total(fired),
      heard: heard.length,
      lost: listener.lost,
      mixed: strange.length,
      ...(strange[0] && { example: strange[0] }),
      miscounted: Object.entries(fired).flatMap(([probe, count]) => ((counts.get(probe)?.length ?? 0) === count ? [] : [probe])),
      form: listener.source.form,
    }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** By a text and a number, with a sum and a histogram. */
const reconstructions = defineTracepoint({
  probe: 'udp:block_reconstructed',
  group: 'fibre',
  description: '',
  args: {
    blockHash: hexHash('Hash.'),
    peer: text('Peer.'),
    chunksUsed: integer('Chunks used.'),
    chunksReceived: integer('Chunks received.'),
    peers: integer('Peers.'),
  },
  counted: {
    by: { peer: knownTexts(['192.0.2.11:8433', '[2001:db8::7]:8433']), peers: knownNumbers('none', 'one', 'two', 'three') },
    sums: ['chunksUsed', 'chunksReceived'],
    histogram: { of: 'chunksUsed', bounds: [1, 10, 100, 1000] },
  },
})

/** What the kernel counted of hits that several threads fired at once, and what it should have, as text. */
export async function compareTotals({ threads, events, forms, patienceMs }: Options) {
  const directory = mkdtempSync(join(tmpdir(), 'threads-'))
  const recording = join(directory, 'recording')
  try {
    await using node = await startDemoNode({ args: ['--control', '--threads', String(threads), '--record', recording] })
    await using listener = new Listener({ forms, tracepoints: [reconstructions] })
    listener.attach(node)
    await node.command(`events ${events} 0`)
    const expected = new Map<string, Total>()
    for (const event of readRecording(recording))
      if (event.probe === reconstructions.probe)
        addTotal(expected, totalOfHit('demo', event.probe, reconstructions.counted, fieldsOf(event)))
    const hits = (totals: Iterable<Total>) => [...totals].reduce((sum, { count }) => sum + count, 0)
    await until(() => hits(listener.source.totals()) >= hits(expected.values()), 'the hits', patienceMs)
    const sorted = (totals: Iterable<Total>) => [...totals].map((total) => JSON.stringify(total)).sort()
    return { labels: expected.size, counted: sorted(listener.source.totals()), expected: sorted(expected.values()) }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** Events that were heard but not fired, however often they were fired. */
function withoutThoseOf(heard: readonly { readonly text: string }[], fired: readonly string[]): readonly string[] {
  const left = new Map<string, number>()
  for (const text of fired) left.set(text, (left.get(text) ?? 0) + 1)
  return heard.flatMap(({ text }) => {
    const count = left.get(text) ?? 0
    left.set(text, count - 1)
    return count > 0 ? [] : [text]
  })
}
