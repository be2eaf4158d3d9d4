import { beforeEach, expect, it } from 'vitest'
import { attachedByDefault, probes } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, FiredCounts, stage, startNode } from '../harness/stage.ts'

beforeEach(requireBpf)

const RESTARTS = 1000
const NODES = 100

it(`${RESTARTS} restarts in quick succession leave no process unattached`, async () => {
  const { path, install } = stage()
  const bitcoind = install('bitcoind')
  await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
  const unattached: number[] = []
  for (let life = 0; life <= RESTARTS; life++) {
    await using node = await startNode(bitcoind, path())
    const { attached } = await node.command(`wait ${probes.length} 5`)
    if (!attached) unattached.push(life)
  }
  expect(unattached).toEqual([])
  expect((await agent.scrape()).value('fibre_exporter_target_restarts_total')).toBe(RESTARTS)
})

it(`${NODES} nodes that start at once are all attached to, and each is counted exactly`, async () => {
  const { folder, install } = stage()
  const bitcoind = install('bitcoind')
  await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
  await using stack = new AsyncDisposableStack()
  const start = async (_: unknown, i: number) => stack.use(await startNode(bitcoind, folder(`${i}`), ['--seed', `${i + 1}`]))
  const nodes = await Promise.all(Array.from({ length: NODES }, start))
  await Promise.all(nodes.map((node) => attached(node)))
  const tally = new FiredCounts()
  for (const node of nodes) tally.add(await node.command('blocks 2'))
  const scrape = await agent.scrape()
  expect(scrape.sum('fibre_exporter_target_up')).toBe(NODES)
  expect(scrape.value('fibre_exporter_probes_attached')).toBe(NODES * attachedByDefault.length)
  expect(scrape.sum('fibre_exporter_event_delay_seconds_count')).toBe(tally.sum)
  expect(scrape.sum('bitcoin_blocks_connected_total')).toBe(2 * NODES)
})
