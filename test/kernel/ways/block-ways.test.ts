import { beforeEach, describe, expect, it } from 'vitest'
import { buildStockDemoNode } from '../../demo-node/compile.ts'
import { demoNodeBinary } from '../../demo-node/demo-node.ts'
import { requireBpf } from '../../harness/listening.ts'
import { type BlockRecord, runAgent } from './agent-run.ts'
import { compareMetrics } from './compare-metrics.ts'
import { compareRecord } from './compare-record.ts'
import { Comparison } from './comparison.ts'
import { isConnected, lateHeadStart } from './expected-way.ts'

beforeEach(requireBpf)

/** Of each of two nodes. */
const BLOCKS = 125

describe.for([
  ['a FIBRE node', () => demoNodeBinary, ['fibre_udp']],
  ['a node of Bitcoin Core', buildStockDemoNode, []],
] as const)('of %s', ([, binary, more]) => {
  it(`${2 * BLOCKS} blocks have come as it says: journal, /api and metrics`, { timeout: 120_000 }, async () => {
    const times = new Comparison()
    const runs = await runAgent(binary(), BLOCKS)
    const paths = new Set(runs.flatMap(({ ways }) => ways.map(({ block }) => block.path)))
    expect(paths).toEqual(new Set(['compact_block', 'compact_block_round_trip', 'full_block', 'mined_here', null, ...more]))
    const late = runs.flatMap(({ ways }) => ways).filter(lateHeadStart)
    expect(late.length).toBeGreaterThanOrEqual(more.length > 0 ? 20 : 0)
    for (const run of runs) {
      for (const way of run.ways.filter(isConnected))
        compareRecord(way, run.records.get(way.block.block_hash) as BlockRecord, run.attachedNs, times)
      compareMetrics(run)
    }
    times.expectNear()
  })
})
