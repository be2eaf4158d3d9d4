import { beforeEach, describe, expect, it } from 'vitest'
import { buildStockDemoNode } from '../../demo-node/compile.ts'
import { demoNodeBinary, startDemoNode } from '../../demo-node/demo-node.ts'
import { readHistory } from '../../demo-node/history.ts'
import { startAgentProcess } from '../../harness/agent.ts'
import { requireBpf } from '../../harness/listening.ts'
import { stage } from '../../harness/stage.ts'
import { until } from '../../harness/until.ts'
import { recordsIn } from './agent-run.ts'

beforeEach(requireBpf)

const MISSED = 20_000
const RATE = 3000
/** As regtest has them. */
const EVERY_US = 300_000

/** Starts a node and an agent that is attached to it. */
async function startBoth(binary: string) {
  const { path } = stage()
  const node = await startDemoNode({ binary, args: ['--control', '--history', path('history')] })
  const agent = await startAgentProcess({ args: ['--pid', String(node.pid), '--journal', path('journal')] })
  await agent.logged(({ msg }) => msg === 'attached to bitcoind')
  return {
    node,
    agent,
    pageWhen: async (name: string, value: number) => {
      await until(async () => (await agent.scrape()).value(name) === value, `${name} to be ${value}`)
      return agent.scrape()
    },
    /** Ends the agent, and returns the paths of the blocks that it has a record of. */
    async recorded() {
      agent.kill('SIGTERM')
      expect(await agent.exited).toMatchObject({ code: 0 })
      return new Map(recordsIn(path('journal')).map(({ block_hash, path }) => [block_hash, path]))
    },
    /** The paths of the blocks that were relayed. */
    relayed() {
      const blocks = readHistory(path('history')).filter(({ path }) => path !== null && path !== 'caught_up')
      return new Map(blocks.map(({ block_hash, path }) => [block_hash, path]))
    },
  }
}

describe.for([
  ['a FIBRE node', () => demoNodeBinary],
  ['a node of Bitcoin Core', buildStockDemoNode],
] as const)('of %s', ([, binary]) => {
  it(`${MISSED} blocks at ${RATE} a second are counted, and nothing else is told of them; those that come next are news`, async () => {
    const { node, agent, pageWhen, recorded, relayed } = await startBoth(binary())
    await using _ = node
    await using __ = agent
    const { seconds } = await node.command(`catch-up ${MISSED} ${RATE}`)
    expect(seconds).toBeGreaterThan(MISSED / RATE - 1)
    const page = await pageWhen('bitcoin_blocks_caught_up_total', MISSED)
    const told = ['bitcoin_blocks_connected_total', 'bitcoin_catching_up', 'fibre_exporter_journal_records_total']
    expect(told.map((name) => page.sum(name))).toEqual([MISSED, 1, 0])
    for (const name of ['bitcoin_block_announcements_total', 'bitcoin_block_announced_to_connected_seconds_count'])
      expect([name, page.sum(name)]).toEqual([name, 0])
    for (const name of ['fibre_blocks_without_race_total', 'bitcoin_competing_blocks_total', 'fibre_exporter_events_lost_total'])
      expect([name, page.sum(name)]).toEqual([name, 0])

    await node.command(`relay 5 ${EVERY_US}`)
    await pageWhen('bitcoin_blocks_connected_total', MISSED + 5)
    expect(await recorded()).toEqual(relayed())
    expect(relayed().size).toBe(5)
    const lines = agent.log.filter(({ msg }) => /^(catching up|caught up)/.test(msg))
    expect(lines.map(({ level, blocks }) => [level, blocks])).toEqual([
      ['info', undefined],
      ['info', MISSED],
    ])
  })

  it('blocks every 0.3 s that peers relay are news', async () => {
    const { node, agent, pageWhen, recorded, relayed } = await startBoth(binary())
    await using _ = node
    await using __ = agent
    await node.command(`relay 20 ${EVERY_US}`)
    const page = await pageWhen('bitcoin_blocks_connected_total', 20)
    expect([page.value('bitcoin_blocks_caught_up_total'), page.value('bitcoin_catching_up')]).toEqual([0, 0])
    const records = await recorded()
    const isUnsure = (path: unknown) => path === 'no_race' || path === 'unknown'
    for (const [hash, path] of relayed()) if (path !== 'mined_here' || !isUnsure(records.get(hash))) expect(records.get(hash)).toBe(path)
    expect(new Set(records.keys())).toEqual(new Set(relayed().keys()))
  })
})
