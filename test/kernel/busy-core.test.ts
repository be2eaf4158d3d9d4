import { beforeEach, expect, it } from 'vitest'
import { startAgentProcess } from '../harness/agent.ts'
import { occupyCore } from '../harness/busy-core.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, FiredCounts, processed, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const RATE = 10_000
const SECONDS = 5

it(`loses nothing at ${RATE} events a second while another process keeps one core busy`, async () => {
  const { folder, install } = stage()
  const bitcoind = install('bitcoind')
  await using node = await startNode(bitcoind, folder('data'))
  await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
  await attached(node)
  await using _busy = await occupyCore()
  const fired = new FiredCounts()
  fired.add(await node.command(`events ${SECONDS * RATE} ${RATE}`))
  expect(fired.sum).toBe(SECONDS * RATE)
  await until(async () => {
    const scrape = await agent.scrape()
    return scrape.sum('fibre_exporter_events_processed_total') + scrape.sum('fibre_exporter_events_lost_total') >= fired.sum
  }, 'all events')
  const scrape = await agent.scrape()
  expect(processed(scrape)).toMatchObject(fired.expected)
  expect(scrape.sum('fibre_exporter_events_processed_total')).toBe(fired.sum)
  expect(scrape.sum('fibre_exporter_events_lost_total')).toBe(0)
})
