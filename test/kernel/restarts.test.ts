import { copyFileSync, readdirSync, readlinkSync, renameSync, statSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { compileDemoNode } from '../demo-node/compile.ts'
import { attachedByDefault, type DemoNode, probes } from '../demo-node/demo-node.ts'
import { type AgentProcess, startAgentProcess } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import type { Scrape } from '../harness/scrape.ts'
import { attached, ended, Falls, FiredCounts, processed, stage, startNode } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

const RESTARTS = 50
/** By then all is compiled, cached and sized that will be. */
const WARM = 15
const MB = 1e6

beforeEach(requireBpf)

/** Tracepoints that are counted have a link of their own. */
const counted = attachedByDefault.filter((probe) => probe.startsWith('net:'))
const openFiles = ({ pid }: AgentProcess) => readdirSync(`/proc/${pid}/fd`).length
const nodesOf = (scrape: Scrape) => scrape.series('fibre_exporter_target_up').map(({ labels }) => labels.node)
const seriesOf = (node: string, scrape: Scrape) =>
  scrape.samples.filter(({ labels }) => labels.node === node).map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`)

/** The node dies at once; what it said before must be known all the same. */
async function killed(node: DemoNode): Promise<void> {
  node.kill('SIGKILL')
  await node.exited
}

describe('a bitcoind that is killed and started again', () => {
  it(`is measured again at once, ${RESTARTS} times over, with every block counted, no counter falling and nothing growing`, async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    const falls = new Falls()
    falls.look(await agent.scrape())
    const filesWithoutNode = openFiles(agent)
    const tally = new FiredCounts()
    const attachMs: number[] = []
    const memory: number[] = []
    for (let life = 0; life <= RESTARTS; life++) {
      const startedAt = performance.now()
      await using node = await startNode(bitcoind, path(), ['--seed', `${life + 1}`, '--height', `${900_000 + life}`])
      await attached(node)
      attachMs.push(performance.now() - startedAt)
      tally.add(await node.command('blocks 1'))
      await killed(node)
      const scrape = await agent.scrape()
      falls.look(scrape)
      memory.push(scrape.value('process_resident_memory_bytes') as number)
    }

    const scrape = await agent.scrape()
    expect(processed(scrape)).toEqual(tally.expected)
    expect(scrape.value('bitcoin_blocks_connected_total', { node: 'localhost' })).toBe(RESTARTS + 1)
    expect(scrape.sum('fibre_races_total', { node: 'localhost' })).toBe(tally.of('race_time'))
    expect(tally.of('race_time')).toBeGreaterThan(40)
    expect(scrape.value('fibre_exporter_target_restarts_total', { node: 'localhost' })).toBe(RESTARTS)
    expect(nodesOf(scrape)).toEqual(['localhost'])
    expect(falls.found).toEqual([])

    expect(Math.max(...attachMs)).toBeLessThan(2_000)
    await until(() => openFiles(agent) <= filesWithoutNode, 'the files of links that are closed to be closed')
    expect((memory[RESTARTS] as number) - (memory[WARM] as number)).toBeLessThan(12 * MB)
  })

  it('costs a node beside it neither an event nor the name of a series', async () => {
    const { folder, install } = stage()
    const bitcoind = install('bitcoind')
    await using steady = await startNode(bitcoind, folder('steady'))
    await using first = await startNode(bitcoind, folder('flapping'))
    const named = ['steady', 'flapping'].flatMap((name) => ['--node', `${name}=${folder(name)}`])
    await using agent = await startAgentProcess({ args: named })
    await Promise.all([attached(steady), attached(first)])
    const [fromSteady, fromFlapping] = [new FiredCounts(), new FiredCounts()]
    fromSteady.add(await steady.command('blocks 20')) // gauges are there from the first block on
    const before = seriesOf('steady', await agent.scrape())

    let restarts = 0
    let isFiring = true
    const firing = steady.command('events 5000 1000').finally(() => {
      isFiring = false
    })
    await killed(first)
    while (isFiring) {
      await using node = await startNode(bitcoind, folder('flapping'), ['--seed', `${++restarts}`])
      await attached(node)
      fromFlapping.add(await node.command('blocks 1'))
      await killed(node)
      expect(seriesOf('steady', await agent.scrape())).toEqual(before)
    }
    fromSteady.add(await firing)

    const scrape = await agent.scrape()
    const eventsOf = (node: string) => scrape.value('fibre_exporter_event_delay_seconds_count', { node })
    expect(eventsOf('steady')).toBe(fromSteady.sum)
    expect(eventsOf('flapping')).toBe(fromFlapping.sum)
    expect(scrape.value('fibre_exporter_target_restarts_total', { node: 'steady' })).toBe(0)
    expect(scrape.value('fibre_exporter_target_restarts_total', { node: 'flapping' })).toBe(restarts)
    expect(restarts).toBeGreaterThan(5)
    expect(nodesOf(scrape).toSorted()).toEqual(['flapping', 'steady'])
    expect(await ended(steady)).toEqual({ code: 0, signal: null })
  })
})

describe('a node', () => {
  it('has the plain name when it was alone at first, that of its data directory when it came second, and keeps it', async () => {
    const { folder, install } = stage()
    const bitcoind = install('bitcoind')
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind, '--node-name', 'home'] })
    await using first = await startNode(bitcoind, folder('first'))
    await attached(first)
    await using second = await startNode(bitcoind, folder('second'))
    await attached(second)
    expect(nodesOf(await agent.scrape())).toEqual(['home', 'home/second'])

    await Promise.all([killed(first), killed(second)])
    await using secondAgain = await startNode(bitcoind, folder('second'))
    await attached(secondAgain)
    const scrape = await agent.scrape()
    expect(nodesOf(scrape)).toEqual(['home', 'home/second'])
    expect(scrape.value('fibre_exporter_target_up', { node: 'home/second' })).toBe(1)
  })

  it('has the name that the operator gave to its data directory, with all series from the start', async () => {
    const { folder, install } = stage()
    const bitcoind = install('bitcoind')
    const args = [`--node=alpha=${folder('a')}`, `--node=beta=${folder('b')}`]
    await using agent = await startAgentProcess({ args })
    expect(nodesOf(await agent.scrape())).toEqual(['alpha', 'beta'])
    await using node = await startNode(bitcoind, folder('b'))
    await attached(node)
    await node.command('blocks 3')
    const scrape = await agent.scrape()
    expect(scrape.value('bitcoin_blocks_connected_total', { node: 'alpha' })).toBe(0)
    expect(scrape.value('bitcoin_blocks_connected_total', { node: 'beta' })).toBe(3)
  })
})

describe('an executable that is exchanged', () => {
  it('by rename goes on being measured while it runs, and the new one is after a restart', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const newer = compileDemoNode(path('bitcoind.new'), '-DOLDER')
    const tally = new FiredCounts()
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    await using before = await startNode(bitcoind, path())
    await attached(before)
    renameSync(newer, bitcoind)
    expect(readlinkSync(`/proc/${before.pid}/exe`)).toBe(`${bitcoind} (deleted)`)
    tally.add(await before.command('blocks 5'))

    // An agent that starts now finds it too.
    {
      await using late = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
      await late.logged(({ msg, pid }) => msg === 'attached to bitcoind' && pid === before.pid)
      tally.add(await before.command('blocks 5'))
    }
    expect(await ended(before)).toEqual({ code: 0, signal: null })

    await using after = await startNode(bitcoind, path(), ['--seed', '2'])
    await attached(after, probes.length - 1)
    tally.add(await after.command('blocks 5'))
    const scrape = await agent.scrape()
    expect(processed(scrape)).toEqual(tally.expected)
    expect(scrape.value('bitcoin_blocks_connected_total')).toBe(15)
    expect(scrape.value('fibre_exporter_probes_attached')).toBe(attachedByDefault.length - 1)
    expect(await ended(after)).toEqual({ code: 0, signal: null })
  })

  it('in place, while nothing runs, is measured from its next start, and nothing crashes', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const inode = statSync(bitcoind).ino
    const builds = [
      { file: compileDemoNode(path('older'), '-DOLDER'), probeCount: probes.length - 1 },
      { file: install('newer'), probeCount: probes.length },
    ]
    const tally = new FiredCounts()
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    let seed = 0
    for (const { file, probeCount } of [...builds, ...builds, ...builds]) {
      copyFileSync(file, bitcoind)
      expect(statSync(bitcoind).ino).toBe(inode)
      await using node = await startNode(bitcoind, path(), ['--seed', `${++seed}`])
      await attached(node, probeCount)
      tally.add(await node.command('blocks 5'))
      expect(await ended(node)).toEqual({ code: 0, signal: null })
    }
    const scrape = await agent.scrape()
    expect(processed(scrape)).toEqual(tally.expected)
    expect(scrape.value('fibre_exporter_target_restarts_total')).toBe(5)
  })

  it('in place, and started while the link to the one before is being closed, is measured as soon as that is closed', async () => {
    const { path, install } = stage()
    const bitcoind = install('bitcoind')
    const builds = [
      { file: compileDemoNode(path('older'), '-DOLDER'), probeCount: probes.length - 1 },
      { file: install('newer'), probeCount: probes.length },
    ]
    await using agent = await startAgentProcess({ args: ['--bitcoind', bitcoind] })
    const attachMs: number[] = []
    for (let exchange = 0; exchange < 10; exchange++) {
      const { file, probeCount } = builds[exchange % 2] as (typeof builds)[number]
      copyFileSync(file, bitcoind)
      const startedAt = performance.now()
      await using node = await startNode(bitcoind, path())
      await attached(node, probeCount)
      await attached(node, counted) // which the kernel refuses while the link to the one before is being closed
      attachMs.push(performance.now() - startedAt)
      await agent.logged(({ msg, pid }) => msg === 'attached to bitcoind' && pid === node.pid)
      await killed(node)
    }
    expect(Math.max(...attachMs)).toBeLessThan(5_000) // the kernel's refusals are otherwise tried again after 10 s
    expect(agent.log.filter(({ msg }) => msg === 'attached to bitcoind')).toHaveLength(attachMs.length)
  })
})
