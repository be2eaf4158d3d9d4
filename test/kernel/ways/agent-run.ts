import { copyFileSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { startAgentProcess } from '../../harness/agent.ts'
import type { Scrape } from '../../harness/scrape.ts'
import { readiness, stage, startNode } from '../../harness/stage.ts'
import { until } from '../../harness/until.ts'
import { isConnected, isWaiting, readWays, type Way } from './expected-way.ts'

const NODES = ['alpha', 'beta']

export type BlockRecord = Readonly<Record<string, string | number | boolean | undefined>>

/** What one node says of its blocks, and what the agent does. */
export interface Run {
  readonly ways: readonly Way[]
  /** By hash. */
  readonly records: ReadonlyMap<string, BlockRecord>
  readonly valuesOf: (metric: string, labels?: Readonly<Record<string, string>>) => ReturnType<Scrape['series']>
  /** When the agent saw all, at the latest: CLOCK_MONOTONIC, ns. */
  readonly attachedNs: number
}

export const recordsIn = (journal: string): readonly BlockRecord[] =>
  readFileSync(journal, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

const byTime = (a: BlockRecord, b: BlockRecord) => String(a.time).localeCompare(String(b.time))

/** Has two nodes relay so many blocks each, at the same time, before one agent. */
export async function runAgent(original: string, blocks: number): Promise<readonly Run[]> {
  const { path, folder } = stage()
  const binary = path('bitcoind')
  copyFileSync(original, binary)
  await using nodes = new AsyncDisposableStack()
  const named = NODES.flatMap((name) => ['--node', `${name}=${folder(name)}`])
  await using agent = await startAgentProcess({ args: ['--bitcoind', binary, ...named, '--journal', path('journal')] })
  const start = async (name: string, i: number) => {
    const files = ['--record', path(`${name}.events`), '--history', path(`${name}.history`), '--seed', `${i + 1}`]
    return nodes.use(await startNode(binary, path(name), files))
  }
  const started = await Promise.all(NODES.map(start))
  for (const { pid } of started) await agent.logged((line) => line.msg === 'attached to bitcoind' && line.pid === pid)
  const attachedNs = Number(process.hrtime.bigint())
  await Promise.all(started.map((node) => node.command(`relay ${blocks} 1000`)))

  const ways = NODES.map((name) => readWays(path(`${name}.history`), path(`${name}.events`)))
  const closed = ways.flat().filter((way) => isConnected(way) && !isWaiting(way)).length
  await until(() => recordsIn(path('journal')).length >= closed, `${closed} records`)
  const page = await agent.scrape()
  expect(page.sum('fibre_exporter_events_lost_total')).toBe(0)
  expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
  const shown = await fetch(`${agent.url('metrics')}/api/v1/blocks?limit=${2 * blocks}`)
  const answer = (await shown.json()) as { readonly blocks: readonly BlockRecord[] }
  expect(answer.blocks.toSorted(byTime)).toEqual(recordsIn(path('journal')).toSorted(byTime))
  agent.kill('SIGTERM')
  expect(await agent.exited).toMatchObject({ code: 0 })
  const journal = recordsIn(path('journal'))
  expect(journal).toHaveLength(ways.flat().filter(isConnected).length)
  return NODES.map((node, i) => ({
    ways: ways[i] ?? [],
    attachedNs,
    records: new Map(journal.filter((record) => record.node === node).map((record) => [String(record.block_hash), record])),
    valuesOf: (metric, labels) => page.series(metric, { ...labels, node }),
  }))
}
