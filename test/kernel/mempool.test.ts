import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { readiness, stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

function compileMempool(vsize: 'int32_t' | 'uint64_t'): string {
  const binary = stage().path('bitcoind')
  execFileSync('clang', ['-O2', '-pthread', '-Wall', '-Werror', `-DVSIZE=${vsize}`, join(import.meta.dirname, 'mempool.c'), '-o', binary])
  return binary
}

/** Totals of `first count`, fired by two threads. */
const firedBy = (first: number, count: number) => ({ transactions: 2 * count, vbytes: count * (2 * first + count - 1) })

const nothing = { transactions: 0, vbytes: 0 }

async function expectTotals(agent: AgentProcess, { transactions, vbytes }: ReturnType<typeof firedBy>): Promise<void> {
  const read = async () => (await agent.scrape()).value('bitcoin_mempool_added_total', { node: 'localhost' })
  await until(async () => (await read()) === transactions, `${transactions} transactions`)
  const page = await agent.scrape()
  expect(page.value('bitcoin_mempool_added_vbytes_total', { node: 'localhost' })).toBe(vbytes)
  expect(page.sum('fibre_exporter_events_lost_total')).toBe(0)
}

it.each(['int32_t', 'uint64_t'] as const)(
  'transactions and their vbytes (%s) are added up exactly, over both processes that a node has had',
  async (vsize) => {
    const binary = compileMempool(vsize)
    await using agent = await startAgentProcess({ args: ['--bitcoind', binary] })
    const start = async () => {
      const node = await startDemoNode({ binary, args: ['--control'] })
      await agent.logged(({ msg, pid }) => msg === 'attached to bitcoind' && pid === node.pid)
      return node
    }
    const [first, second] = [firedBy(110, 100_000), firedBy(3_000_000, 500)]
    {
      await using node = await start()
      await expectTotals(agent, nothing)
      await node.command('110 100000')
      await expectTotals(agent, first)
    }
    await agent.logged(({ msg }) => msg.startsWith('bitcoind ended'))
    await expectTotals(agent, first)
    await using node = await start()
    await expectTotals(agent, first)
    await node.command('3000000 500')
    await expectTotals(agent, { transactions: first.transactions + second.transactions, vbytes: first.vbytes + second.vbytes })
  },
)

it('a FIBRE node without it is ready, and nothing tells of its lack', async () => {
  await using node = await startDemoNode({ args: ['--control'] })
  await using agent = await startAgentProcess({ args: ['--pid', String(node.pid)] })
  await agent.logged(({ msg }) => msg === 'attached to bitcoind')
  expect(await readiness(agent)).toEqual({ status: 200, text: 'OK' })
  const page = await agent.scrape()
  expect(page.series('fibre_exporter_probe_attached', { provider: 'mempool' })).toEqual([])
  expect(agent.log.filter((line) => JSON.stringify(line).includes('mempool'))).toEqual([])
})
