import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { recordedTracepoints } from '../../agent/tracepoints/index.ts'
import { type DemoNode, type DemoNodeOptions, type Fired, probes, startDemoNode } from '../demo-node/demo-node.ts'
import type { AgentProcess } from './agent.ts'
import type { Scrape } from './scrape.ts'
import { temporaryDirectory } from './temporary.ts'

const root = join(import.meta.dirname, '../..')

/** A directory for one test. Others may enter it: some tests run as a user without privileges. */
export function stage() {
  const directory = temporaryDirectory()
  chmodSync(directory, 0o755)
  const path = (...parts: string[]) => join(directory, ...parts)

  /** Makes a directory. */
  const folder = (...parts: string[]) => {
    mkdirSync(path(...parts), { recursive: true })
    return path(...parts)
  }
  /** Puts a copy of the demo node somewhere, so that the test's agent takes no other test's node for its own. */
  const install = (...parts: string[]) => {
    mkdirSync(dirname(path(...parts)), { recursive: true })
    copyFileSync(join(root, 'dist/demo-node'), path(...parts))
    return path(...parts)
  }
  return { path, folder, install }
}

/** Builds a program that runs a command to which the kernel refuses these system calls, or only those with this first argument, with this error. */
export function compileDenied(path: string, calls: readonly string[], error = 'EPERM', first?: number): string {
  const list = calls.map((call) => `SYS_${call}`).join(',')
  const only = first === undefined ? [] : [`-DFIRST=${first}`]
  execFileSync('clang', [
    '-O2',
    '-Wall',
    '-Werror',
    `-DCALLS=${list}`,
    `-DERROR=${error}`,
    ...only,
    join(root, 'test/harness/denied.c'),
    '-o',
    path,
  ])
  return path
}

/** Starts a node that obeys commands and keeps its data in a directory. */
export function startNode(binary: string, directory: string, args: readonly string[] = [], options: Partial<DemoNodeOptions> = {}) {
  return startDemoNode({ binary, args: ['--control', '--datadir', directory, ...args], ...options })
}

/** The agent tries again every 10 s what the kernel refused: the place of another build's tracepoint that is not given back yet. */
const ATTACHED_S = 20

/** Waits until so many of the node's tracepoints of blocks, or those named, are listened to. */
export async function attached(node: DemoNode, wanted: number | readonly string[] = probes.length): Promise<void> {
  const { attached } = await node.command(`wait ${wanted} ${ATTACHED_S}`)
  if (!attached) throw new Error(`node ${node.pid} was not attached to within ${ATTACHED_S} s`)
}

/** Asks a node to end and returns its exit: `{ code: 0 }` unless it crashed. */
export async function ended(node: DemoNode) {
  node.kill('SIGTERM')
  const { code, signal } = await node.exited
  return { code, signal }
}

export async function readiness(agent: AgentProcess) {
  const response = await fetch(`${agent.url('health')}/ready`)
  return { status: response.status, text: await response.text() }
}

/** What /ready tells a program: the status of its answer, and the body. */
export async function readinessJson(agent: AgentProcess) {
  const response = await fetch(`${agent.url('health')}/ready`, { headers: { Accept: 'application/json' } })
  const body = (await response.json()) as {
    readonly status: string
    readonly reasons: readonly string[]
    readonly warnings: readonly string[]
  }
  return { status: response.status, body }
}

/** Sums what nodes say that they have fired. */
export class FiredCounts {
  readonly #counts = new Map<string, number>()

  add({ events }: Fired): void {
    const counts: Readonly<Record<string, number>> = events
    for (const { probe, eventType } of recordedTracepoints) this.#counts.set(eventType, this.of(eventType) + (counts[probe] ?? 0))
  }

  of(eventType: string): number {
    return this.#counts.get(eventType) ?? 0
  }

  get sum(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** As the agent's counters of events should be. */
  get expected() {
    return Object.fromEntries(this.#counts)
  }
}

/** Events that the agent has taken in, by type. */
export function processed(scrape: Scrape) {
  const series = scrape.series('fibre_exporter_events_processed_total').filter(({ labels }) => labels.event_type !== 'unknown')
  return Object.fromEntries(series.map(({ labels, value }) => [labels.event_type, value]))
}

/** Counters and parts of histograms that have fallen, or are gone, since the scrape before. */
export class Falls {
  readonly found: string[] = []
  #last = new Map<string, number>()

  look(scrape: Scrape): void {
    const counters = scrape.samples.filter(({ name }) => /_(total|bucket|count|sum)$/.test(name))
    const now = new Map(counters.map(({ name, labels, value }) => [`${name} ${JSON.stringify(labels)}`, value]))
    for (const [series, before] of this.#last) {
      const value = now.get(series)
      if (value === undefined || value < before) this.found.push(`${series}: ${before}, then ${value}`)
    }
    this.#last = now
  }
}
