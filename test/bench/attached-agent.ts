import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DemoNode, Fired } from '../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import type { Scrape } from '../harness/scrape.ts'
import { until } from '../harness/until.ts'

const journals = mkdtempSync(join(tmpdir(), 'fibre-bench-'))
process.once('exit', () => rmSync(journals, { recursive: true }))
let started = 0

/** Starts the bundle, with a new journal, and waits until it is attached to this node; it sees no other. */
export async function startAttachedAgent(node: DemoNode, args: readonly string[] = []): Promise<AgentProcess> {
  const journal = join(journals, `${started++}.ndjson`)
  const agent = await startAgentProcess({ args: ['--pid', String(node.pid), '--journal', journal, ...args] })
  await agent.logged(({ msg }) => msg === 'attached to bitcoind')
  return agent
}

export const eventsIn = (fired: Fired): number => Object.values(fired.events).reduce((sum, count) => sum + count, 0)

const processedIn = (scrape: Scrape) => scrape.sum('fibre_exporter_events_processed_total')
const lostIn = (scrape: Scrape) => scrape.sum('fibre_exporter_events_lost_total')

/** Number of events that the agent has missed, once each of those that were fired is accounted for. */
export async function lostOf(agent: AgentProcess, fired: number): Promise<number> {
  let scrape = await agent.scrape()
  await until(
    async () => {
      scrape = await agent.scrape()
      return processedIn(scrape) + lostIn(scrape) === fired
    },
    `the agent to account for ${fired} events`,
    30_000,
  )
  return lostIn(scrape)
}

/** Fails if not each event was taken in: the figure would be of less work than it says. */
export function requireAll(scrape: Scrape, fired: number): void {
  const processed = processedIn(scrape)
  if (processed !== fired) throw new Error(`${fired} events were fired, ${processed} of them taken in and ${lostIn(scrape)} lost`)
}
