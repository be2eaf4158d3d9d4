import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, it } from 'vitest'
import { buildStockDemoNode } from '../../demo-node/compile.ts'
import { demoNodeBinary } from '../../demo-node/demo-node.ts'
import { startAgentProcess } from '../../harness/agent.ts'
import { requireBpf } from '../../harness/listening.ts'
import { stage, startNode } from '../../harness/stage.ts'
import { until } from '../../harness/until.ts'
import { type BlockRecord, recordsIn } from './agent-run.ts'
import { compareRecord } from './compare-record.ts'
import { Comparison } from './comparison.ts'
import { readWays, type Way } from './expected-way.ts'

beforeEach(requireBpf)

it.for([
  ['a FIBRE node', () => demoNodeBinary],
  ['a node of Bitcoin Core', buildStockDemoNode],
] as const)('a block that the process of %s before did not live to connect has come as the next one says', async ([, original]) => {
  const { path, folder } = stage()
  const binary = path('bitcoind')
  copyFileSync(original(), binary)
  const directory = folder('node')
  await using agent = await startAgentProcess({ args: ['--bitcoind', binary, '--journal', path('journal')] })
  const start = async (seed: number) => {
    const files = ['--record', path('events'), '--history', path('history')]
    const node = await startNode(binary, directory, ['--seed', `${seed}`, ...files])
    await agent.logged((line) => line.msg === 'attached to bitcoind' && line.pid === node.pid)
    return node
  }
  const log = () => readFileSync(join(directory, 'debug.log'), 'utf8')
  const hashesIn = (pattern: RegExp) => new Set([...log().matchAll(pattern)].map(([, hash]) => String(hash)))
  /** Blocks that came as compact blocks and were not connected, by any process. */
  const begun = () => hashesIn(/Saw new cmpctblock header hash=(\w+)/g).difference(hashesIn(/UpdateTip: new best=(\w+)/g))
  /** Has blocks relayed, and kills the node while one is under way. */
  const kill = async (seed: number) => {
    await using node = await start(seed)
    let isOver = false
    const end = () => {
      isOver = true
    }
    node.command('relay 5 1000').then(end, end)
    await until(() => isOver || begun().size > 0, 'a compact block')
    node.kill('SIGKILL')
    await agent.logged(({ msg, pid }) => msg.startsWith('bitcoind ended') && pid === node.pid)
  }

  let seed = 0
  do await kill(++seed)
  while (begun().size === 0)
  const [hash] = begun()
  await using node = await start(seed)
  const attachedNs = Number(process.hrtime.bigint())
  await node.command('relay 5 1000')
  const record = () => recordsIn(path('journal')).find(({ block_hash }) => block_hash === hash)
  await until(() => record() !== undefined, 'the record')
  const way = readWays(path('history'), path('events')).find(({ block }) => block.block_hash === hash)
  compareRecord(way as Way, record() as BlockRecord, attachedNs, new Comparison())
})
