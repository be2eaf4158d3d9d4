import { beforeEach, describe, expect, it } from 'vitest'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { type AgentProcess, type AgentProcessOptions, bundle, complaints, startAgentProcess } from '../harness/agent.ts'
import { requireBpf, total } from '../harness/listening.ts'
import { readinessJson } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

const BLOCKS = 200
const refused = 'the kernel refuses to count runs of eBPF programs, which takes CAP_SYS_ADMIN; their metrics are left out'

/** Measures a node that relays blocks, and returns what it fired and what the agent tells then. */
async function measure(options: AgentProcessOptions) {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAgentProcess({ ...options, args: ['--pid', String(node.pid), ...(options.args ?? [])] })
  await agent.logged(({ msg }) => msg === 'attached to bitcoind')
  const { events, seconds } = await node.command(`blocks ${BLOCKS}`)
  const fired = total(events)
  const scrape = await scrapeOf(agent, fired)
  const { body: readiness } = await readinessJson(agent)
  return { fired, seconds, scrape, log: agent.log, readiness }
}

async function scrapeOf(agent: AgentProcess, fired: number) {
  let scrape = await agent.scrape()
  await until(async () => {
    scrape = await agent.scrape()
    return scrape.sum('fibre_exporter_events_processed_total') === fired
  }, 'all events')
  return scrape
}

const runs = ['fibre_exporter_probe_runs_total', 'fibre_exporter_probe_run_seconds_total'] as const

describe('what measuring takes of the kernel', () => {
  it('with --count-runs: as many runs as the node fired events, in no more time than it took for them', async () => {
    const { fired, seconds, scrape } = await measure({ args: ['--count-runs'] })
    const [count, time] = runs
    expect(fired).toBeGreaterThan(BLOCKS)
    expect(scrape.value(count, { program: 'record_event' })).toBe(fired)
    expect(scrape.value(count, { program: 'count_event' })).toBe(0)
    expect(scrape.value(time, { program: 'record_event' })).toBeGreaterThan(fired * 100e-9)
    expect(scrape.value(time, { program: 'record_event' })).toBeLessThan(seconds)
  })

  it('without: hits that the kernel missed, and room in ring and maps', async () => {
    const { scrape } = await measure({})
    for (const name of runs) expect(scrape.series(name)).toEqual([])
    expect(scrape.series('fibre_exporter_probe_missed_total').map(({ labels, value }) => [labels.program, value])).toEqual([
      ['record_event', 0],
      ['count_event', 0],
    ])
    expect(scrape.value('fibre_exporter_ring_size_bytes')).toBe(4 << 20)
    expect(scrape.value('fibre_exporter_ring_unread_bytes')).toBe(0)
    expect(scrape.value('fibre_exporter_ring_most_unread_bytes')).toBeGreaterThan(0)
    expect(scrape.value('fibre_exporter_map_entries', { map: 'specs' })).toBe(scrape.value('fibre_exporter_probes_attached'))
    expect(scrape.value('fibre_exporter_map_entries', { map: 'shares' })).toBe(1)
    expect(scrape.value('fibre_exporter_map_entries', { map: 'totals' })).toBeGreaterThan(0)
  })

  it('without CAP_SYS_ADMIN a refusal is told once, and in /ready, and everything else measured', async () => {
    const command = ['setpriv', '--bounding-set=-sys_admin', bundle] as const
    const { scrape, log, readiness } = await measure({ args: ['--count-runs'], command })
    for (const name of runs) expect(scrape.series(name)).toEqual([])
    expect(scrape.series('fibre_exporter_probe_missed_total')).toHaveLength(2)
    expect(scrape.value('bitcoin_blocks_connected_total')).toBe(BLOCKS)
    expect(complaints(log).map(({ msg }) => msg)).toEqual([refused])
    expect(readiness).toMatchObject({ status: 'ok', warnings: [refused] })
  })
})
