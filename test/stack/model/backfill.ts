import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Agent, type AgentOptions, openAgent } from './agent.ts'
import { eventsOf } from './events.ts'
import type { Fleet, Host } from './fleet.ts'

export interface BackfillOptions {
  readonly promtool: string
  /** Data directory of Prometheus. */
  readonly folder: string
  /** Series that are kept; the others nobody asks for. */
  readonly keep: (name: string) => boolean
  /** Further samples, as lines of OpenMetrics. */
  readonly more?: readonly string[]
}

/** An agent at a time at which it is scraped (Unix, seconds). */
export interface ModelScrape {
  readonly at: number
  readonly agent: Pick<Agent, 'scraped'>
}

/** Has the agents of a fleet scraped, and makes Prometheus' own blocks of what they said. Returns how many samples that were. */
export async function backfill(fleet: Fleet, options: BackfillOptions & { readonly stepSeconds: number }): Promise<number> {
  return store(everyScrape(fleet, options.stepSeconds), options)
}

async function* everyScrape(fleet: Fleet, stepSeconds: number): AsyncGenerator<ModelScrape> {
  for (const host of fleet.hosts) yield* scrapes(fleet, host, stepSeconds)
}

/** Makes Prometheus' own blocks of what agents say when they are scraped. Returns how many samples that were. */
export async function store(scrapes: AsyncIterable<ModelScrape>, { folder, keep, promtool, more = [] }: BackfillOptions): Promise<number> {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'openmetrics.txt')
  const out = openSync(file, 'w')
  let samples = more.length
  for await (const { at, agent } of scrapes) {
    const { lines, count } = await agent.scraped(at, keep)
    writeSync(out, lines.replaceAll('\n', ` ${at}\n`))
    samples += count
  }
  writeSync(out, `${more.map((line) => `${line}\n`).join('')}# EOF\n`)
  closeSync(out)
  execFileSync(promtool, ['tsdb', 'create-blocks-from', '--max-block-duration=1458h', 'openmetrics', '-q', file, folder])
  unlinkSync(file)
  return samples
}

/** Lets the time of a host pass: each time that it is scraped, with the agent that then runs. */
export async function* scrapes(
  { arrivals, end }: Fleet,
  host: Host,
  stepSeconds: number,
  push?: AgentOptions['push'],
): AsyncGenerator<ModelScrape & { readonly agent: Agent }> {
  const ofHost = arrivals.filter(({ node }) => node in host.nodes)
  for (const [i, startedAt] of host.starts.entries()) {
    const until = host.starts[i + 1] ?? end
    const agent = await openAgent({ ...host, nodes: Object.keys(host.nodes), startedAt, push })
    const events = ofHost
      .filter(({ connectedAt }) => connectedAt >= startedAt && connectedAt < until)
      .flatMap((arrival) => eventsOf(arrival, agent.bootedAt))
    let next = 0
    for (let at = Math.ceil(startedAt / 60) * 60 + host.offset; at <= until; at += stepSeconds) {
      for (let event = events[next]; event && event.unixSeconds <= at; event = events[++next]) agent.hit(event)
      yield { at, agent }
    }
    await agent.close()
  }
}
