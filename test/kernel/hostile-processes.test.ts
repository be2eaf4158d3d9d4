import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { beforeEach, expect, it } from 'vitest'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { attached, FiredCounts, stage, startNode } from '../harness/stage.ts'
import { median } from '../harness/statistics.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

/** Of those that flood, have long names and are odd files. */
const EACH = 4
/** Each of these comes again. */
const SHORT_LIVED = 6
/** The kernel takes 128 KiB. */
const LONG = 'A'.repeat(120_000)

async function medianScrapeMs(agent: AgentProcess): Promise<number> {
  const times: number[] = []
  for (let scrape = 0; scrape < 41; scrape++) {
    const start = performance.now()
    await agent.scrape()
    times.push(performance.now() - start)
    await setTimeout(20)
  }
  return median(times)
}

function residentMiB({ pid }: AgentProcess): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
}

/** Ways to spoil what a program says of its tracepoints, so that it runs all the same. */
const SPOILT: readonly ((file: Buffer, note: number) => unknown)[] = [
  (file, note) => file.writeUInt32LE(0xffff_fff0, note), // length of the name
  (file, note) => file.writeUInt32LE(0xffff_fff0, note + 4), // length of the description
  (file, note) => file.fill('%', note + 44, note + 120), // names and arguments
  (file) => file.writeBigUInt64LE(0xffff_ffff_ffff_ff00n, 40), // where the sections are
]

interface Life {
  /** Its name, which need not be the program's. */
  readonly argv0?: string
  readonly command?: string
  /** It ends after this time, and another one comes. */
  readonly lifeMs?: number
}

class Hostile implements AsyncDisposable {
  readonly #running = new Set<ChildProcess>()
  #isOver = false

  start(program: string, directory: string, life: Life = {}): void {
    const { argv0, command, lifeMs } = life
    const args = ['--control', '--datadir', directory]
    const child = spawn(program, args, { ...(argv0 && { argv0 }), stdio: ['pipe', 'ignore', 'inherit'] })
    this.#running.add(child)
    child.stdin?.on('error', () => {})
    if (command) child.stdin?.write(`${command}\n`)
    child.once('close', () => {
      this.#running.delete(child)
      if (!this.#isOver) this.start(program, directory, life)
    })
    if (lifeMs !== undefined) void setTimeout(lifeMs).then(() => child.kill('SIGKILL'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    for (const child of this.#running) child.kill('SIGKILL')
    await until(() => this.#running.size === 0, 'all to have ended')
  }
}

/** A tenth of the time in which Prometheus has to have its answer, unless told otherwise. */
const TENTH_OF_SCRAPE_TIMEOUT_MS = 1_000

it.for([
  // They fire 20,000 events a second, and a page of 20 nodes changes in each family: more than two processors have time for at once.
  { whose: 'that are measured as well', args: () => ['--node-name', 'real'], mostMs: () => TENTH_OF_SCRAPE_TIMEOUT_MS },
  { whose: 'that are not', args: (data: string) => ['--node', `real=${data}`], mostMs: (aloneMs: number) => 3 * aloneMs + 50 },
])(
  '18 hostile processes $whose cost the node no event, scrapes little, and memory comes back within a minute',
  async ({ args, mostMs }) => {
    const { folder, install } = stage()
    const data = folder('real')
    await using node = await startNode(install('bin/bitcoind'), data)
    await using agent = await startAgentProcess({ args: args(data) })
    await attached(node)
    const fired = new FiredCounts()
    fired.add(await node.command('blocks 500 1000'))
    await medianScrapeMs(agent) // until all is compiled that will be
    const restingMiB = residentMiB(agent)
    let besideMs: number
    {
      await using hostile = new Hostile()
      const usual = install('hostile/bitcoind')
      for (let i = 0; i < SHORT_LIVED; i++) hostile.start(usual, folder(`short${i}`), { lifeMs: 50 })
      for (let i = 0; i < EACH; i++) {
        hostile.start(usual, folder(`flood${i}`), { command: 'events 600000 5000' })
        hostile.start(usual, folder(`long${i}`, ...Array(15).fill('A'.repeat(200))), { argv0: LONG })
        const odd = install(`odd${i}/bitcoind`)
        const file = readFileSync(odd)
        SPOILT[i]?.(file, file.indexOf('stapsdt\0') - 12)
        writeFileSync(odd, file)
        hostile.start(odd, folder(`data${i}`))
      }
      besideMs = await medianScrapeMs(agent)
      fired.add(await node.command('events 2000 500'))
    }
    const aloneMs = await medianScrapeMs(agent) // afterwards, for the page has the nodes that were measured
    console.log(
      `alone ${aloneMs.toFixed(1)} ms, beside ${besideMs.toFixed(1)} ms; ${restingMiB.toFixed(0)} MiB, then ${residentMiB(agent).toFixed(0)}`,
    )
    const scrape = await agent.scrape()
    expect(scrape.value('fibre_exporter_event_delay_seconds_count', { node: 'real' })).toBe(fired.sum)
    expect(scrape.sum('fibre_exporter_events_lost_total', { node: 'real' })).toBe(0)
    await until(() => residentMiB(agent) < 1.25 * restingMiB, 'memory to come back', 60_000)
    expect(besideMs).toBeLessThan(mostMs(aloneMs))
    agent.kill()
    expect(await agent.exited).toMatchObject({ code: 0, stderr: '' })
  },
)
