// Runs in the machine: what an agent shows of a node's blocks, compared with what the node fired.
import { setTimeout } from 'node:timers/promises'
import { type DemoNode, probes } from '../demo-node/demo-node.ts'
import { readRecording } from '../demo-node/recording.ts'
import { Scrape } from '../harness/scrape.ts'
import { expectedPage, keyOf } from '../kernel/expected-page.ts'

/** An emulated machine takes ten times as long as a real one. */
const PATIENCE_MS = 180_000

/** Waits until there is something, and returns it. */
export async function until<T>(find: () => T | Promise<T>, what: () => string): Promise<NonNullable<T>> {
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const found = await find()
    if (found) return found
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what()}`)
    await setTimeout(100)
  }
}

export interface Measurement {
  /** Name of the node. */
  readonly node: string
  readonly connected: number
  readonly lost: number
  readonly fieldErrors: number
}

/** Has blocks come, and waits until the page of an agent that has not measured any has every sample that follows from what was fired. */
export async function measure(node: DemoNode, recording: string, blocks: number, metrics: string): Promise<Measurement> {
  const { attached } = await node.command(`wait ${probes.length} 180`)
  if (!attached) throw new Error('the agent has not attached')
  const before = readRecording(recording).length
  await node.command(`blocks ${blocks}`)
  const fired = readRecording(recording).slice(before)
  let page = new Scrape('')
  let wrong: readonly string[] = []
  await until(
    async () => {
      page = new Scrape(await (await fetch(metrics)).text())
      wrong = differences(fired, page)
      return wrong.length === 0 // blocks that came without a race are judged after 5 s
    },
    () => `what was fired; not so are ${wrong.slice(0, 4).join(' and ')}`,
  )
  return {
    node: nodeOf(page),
    connected: page.sum('bitcoin_blocks_connected_total'),
    lost: page.sum('fibre_exporter_events_lost_total'),
    fieldErrors: page.sum('fibre_exporter_field_errors_total'),
  }
}

const nodeOf = (page: Scrape) => page.series('bitcoin_blocks_connected_total')[0]?.labels.node ?? ''

function differences(fired: Parameters<typeof expectedPage>[0], page: Scrape): readonly string[] {
  const shown = new Map(page.samples.map((sample) => [keyOf(sample), sample.value]))
  const isSo = (value: number | undefined, wanted: number) => value !== undefined && Math.abs(value - wanted) <= 1e-9 * Math.abs(wanted)
  return [...expectedPage(fired, nodeOf(page))]
    .filter(([key, wanted]) => !isSo(shown.get(key), wanted))
    .map(([key, wanted]) => `${key} ${shown.get(key)} instead of ${wanted}`)
}
