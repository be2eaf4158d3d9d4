// Runs in the machine, as root: what threads fire at once, compared with what arrives. Says each result as a line of JSON.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { release, version } from 'node:os'
import { forms } from '../../agent/sources/ebpf/program/program.ts'
import { startDemoNode } from '../demo-node/demo-node.ts'
import { startAgentProcess } from '../harness/agent.ts'
import { compareThreads, compareTotals } from '../kernel/threads.ts'
import { type Measurement, measure, until } from './measure.ts'

/** The kernel hands on what its command line says and it does not know. */
const events = Number(process.env.EVENTS)

/** The preemption model that the kernel runs with, if it was not fixed at build time. */
function preemption(): string {
  const path = '/sys/kernel/debug/sched/preempt'
  const chosen = existsSync(path) ? /\((\w+)\)/.exec(readFileSync(path, 'utf8'))?.[1] : undefined
  return chosen ?? 'as built'
}

/** The agent of the package, where the machine has that. */
const LAUNCHER = '/usr/lib/fibre-agent/agent.cjs'

/** Has the agent of the package show blocks of a demo node. */
async function measurePackaged(): Promise<Measurement> {
  const [, node = '', flags = ''] = /(\/\S+\/node) (.*)/.exec(readFileSync(LAUNCHER, 'utf8')) ?? []
  const recording = '/tmp/recording.jsonl'
  await using demoNode = await startDemoNode({ args: ['--control', '--record', recording] })
  await using agent = await startAgentProcess({
    command: [node, ...flags.split(' '), LAUNCHER],
    args: ['--pid', String(demoNode.pid)],
    untilListening: false,
  })
  await until(
    () => agent.log.some(({ msg, server }) => msg === 'listening' && server === 'metrics'),
    () => `the agent to listen; it has logged ${JSON.stringify(agent.log)}`,
  )
  return await measure(demoNode, recording, 20, `${agent.url('metrics')}/metrics`)
}

const say = (line: object) => console.log(`\n${JSON.stringify(line)}`)

say({ release: release(), version: version(), preemption: preemption() })
for (const threads of [3, 8]) say({ threads, ...(await compareThreads({ threads, events, forms, patienceMs: 120_000 })) })
const { labels, counted, expected } = await compareTotals({ threads: 8, events, forms, patienceMs: 120_000 })
say({ labels, miscounted: expected.filter((total, i) => total !== counted[i]) })
if (existsSync(LAUNCHER)) say({ packaged: await measurePackaged() })
// A soft lockup tells of the host's load.
const faults = /^.*(WARNING:|BUG:|Oops|general protection).*$/gm
const log = execFileSync('dmesg', { encoding: 'utf8', maxBuffer: 16 << 20 })
say({ warnings: (log.match(faults) ?? []).filter((line) => !line.includes('soft lockup')) })
process.exit()
